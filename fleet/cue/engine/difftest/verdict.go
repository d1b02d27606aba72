package difftest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/errors"
	cuejson "cuelang.org/go/encoding/json"

	"pequod.io/fleet/engine/schema"
)

// A finding is a case in which the schema breaks its contract.
type finding struct {
	Kind   findingKind
	Value  string // as given
	Stored string // as the API server stores it
	CUE    string // verdict of CUE
	Server string // verdict of the API server
}

type findingKind string

const (
	unsound   findingKind = "UNSOUND: CUE accepts what the API server refuses"
	wider     findingKind = "SILENTLY WIDER: the API server accepts what CUE refuses, and no issue tells"
	rescued   findingKind = "CHANGED: CUE refuses the value as given but accepts it as stored"
	different findingKind = "DIFFERENT: CUE reads the value as stored differently from the value as given"
)

// A target is a definition under test with its schema.
type target struct {
	name   string
	value  cue.Value
	result *schema.Result
	json   []byte // of the schema
	server *apiServer
	// scalars tells that CUE takes a scalar in place of some struct in it; see tamed.
	scalars bool
}

// A verdict tells who accepts a value, and the finding if the schema breaks its contract there.
type verdict struct {
	cue, server bool
	flagged     bool // wider, where an issue says so
	finding     *finding
}

// accepts gives the verdict of CUE, as the engine takes it: the value must be complete.
func (t *target) accepts(data []byte) (output []byte, err error) {
	e, err := cuejson.Extract("value", data)
	if err != nil {
		return nil, err
	}
	v := t.value.Unify(t.value.Context().BuildExpr(e))
	if err := v.Validate(cue.Concrete(true)); err != nil {
		return nil, err
	}
	return v.MarshalJSON()
}

// judge compares the two sides over one value.
func (t *target) judge(data []byte) verdict {
	v := t.compare(data)
	if v.finding == nil || !t.scalars {
		return v
	}
	if tamed, changed := t.tamed(data); changed {
		v.finding = t.compare(tamed).finding
	}
	return v
}

func (t *target) compare(data []byte) verdict {
	output, cueErr := t.accepts(data)
	stored, pruned, serverErr := t.server.store(data)
	v := verdict{cue: cueErr == nil, server: serverErr == nil && len(pruned) == 0}
	f := finding{Value: string(data), Stored: string(stored), CUE: say(cueErr), Server: say(serverErr)}
	if len(pruned) > 0 {
		f.Server += " (unknown fields: " + strings.Join(pruned, ", ") + ")"
	}
	if v.cue && !v.server {
		f.Kind = unsound
		v.finding = &f
		return v
	}
	if serverErr != nil {
		return v
	}
	again, err := t.accepts(stored)
	switch {
	case err != nil && t.tells(err):
		v.flagged = true
	case err != nil:
		f.Kind, f.CUE = wider, say(err)
		v.finding = &f
	case !v.cue && v.server && !normalised(data) && !t.tells(cueErr):
		f.Kind = rescued
		v.finding = &f
	case v.cue && !sameJSON(output, again):
		f.Kind, f.CUE = different, fmt.Sprintf("as given: %s\n       as stored: %s", output, again)
		v.finding = &f
	}
	return v
}

func say(err error) string {
	if err == nil {
		return "accepts"
	}
	return strings.ReplaceAll(errors.Details(err, nil), "\n", "\n      ")
}

// tells reports whether an issue stands at one of the places where CUE found an error, above or below it.
func (t *target) tells(err error) bool {
	depth := len(t.value.Path().Selectors())
	for _, e := range errors.Errors(err) {
		path := e.Path()
		if len(path) < depth {
			path = nil
		} else {
			path = path[depth:]
		}
		for _, issue := range t.result.Issues {
			if covers(segments(issue.Path), path) {
				return true
			}
		}
	}
	return false
}

// covers tells that one path leads to the other. In an issue's path [] is any index and [*] is any name.
func covers(issue, at []string) bool {
	for i := range min(len(issue), len(at)) {
		if s := issue[i]; s != "[]" && s != "[*]" && s != at[i] {
			return false
		}
	}
	return true
}

// segments splits the path of an issue into what CUE's errors have as a path.
func segments(path string) []string {
	var out []string
	for path != "" {
		switch {
		case path[0] == '.':
			path = path[1:]
		case path[0] == '[':
			end := strings.IndexByte(path, ']')
			s := path[:end+1]
			if s != "[]" && s != "[*]" {
				s = s[1 : len(s)-1]
			}
			out, path = append(out, s), path[end+1:]
		case path[0] == '"':
			end := 1 + strings.IndexByte(path[1:], '"')
			out, path = append(out, path[:end+1]), path[end+1:]
		default:
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			out, path = append(out, path[:end]), path[end:]
		}
	}
	return out
}

// normalised tells that the API server stores a value otherwise than it was given for reasons of its own: null for
// absence, 1.0 for 1.
func normalised(data []byte) bool {
	if bytes.Contains(data, []byte("null")) {
		return true
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if n, ok := token.(json.Number); ok && strings.ContainsAny(n.String(), ".eE") {
			if f, _, err := big.ParseFloat(n.String(), 10, 200, big.ToNearestEven); err == nil && f.IsInt() {
				return true
			}
		}
	}
}

func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
