package render_test

import (
	"errors"
	"strings"
	"testing"

	"pequod.io/fleet/engine/internal/module"
	"pequod.io/fleet/engine/internal/render"
	"pequod.io/fleet/engine/internal/wire"
)

// sizes is what the modules below look things up in; the instance has the size 3, which it lacks.
const sizes = `
import "strconv"

_used: strconv.Atoi("1")
_sizes: {"1": {cpu: "100m"}, "2": {cpu: "1"}}
sizes: {"1": "100m", "2": "1"}
_list: ["100m", "1"]
#Input: {size: int, zone: *"a" | "b", env?: {[string]: string}}
#Render: input: {
	metadata: {name: string, namespace: string, labels?: {...}}
	spec:      #Input
	cluster?:  {name: string, labels: {[string]: string}}
	observed?: [string]: {...}
}
`

// rendered renders the module, with what has been observed of the node db.
func rendered(t *testing.T, source, db string) (*render.Rendered, error) {
	t.Helper()
	observed := `{}`
	if db != "" {
		observed = `{"db": ` + db + `}`
	}
	return render.Render(load(t, source), []byte(strings.Replace(input, `"observed": {}`, `"observed": `+observed, 1)))
}

// sized is a module with more at its top, more in #Render, and a node after the one that is observed.
func sized(top, inside, nodes string) string {
	return sizes + top + "\n#Render: {\n\tinput: _\n" + inside + "\n\toutput: nodes: [" +
		`{id: "db", object: {apiVersion: "v1", kind: "Service", metadata: name: "db"}}, ` + nodes + "]\n}\n"
}

// What no observed value can give is an error, with everything and with nothing observed.
func TestWhatCanNeverBeSeenIsAnError(t *testing.T) {
	for name, c := range map[string]struct{ top, inside, node, says string }{
		"a key that a map lacks":        {"", "", node("app", `cpu: _sizes["\(input.spec.size)"].cpu`), "undefined field: \"3\""},
		"an index that a list lacks":    {"", "", node("app", `cpu: _list[input.spec.size]`), "index out of range"},
		"a field of a package":          {"", "", node("app", `cpu: sizes["\(input.spec.size)"]`), "undefined field: \"3\""},
		"in a let":                      {"", `let _size = _sizes["\(input.spec.size)"]`, node("app", `cpu: _size.cpu`), "undefined field"},
		"in an interpolation":           {"", "", node("app", `cpu: "\(_sizes["\(input.spec.size)"].cpu) \(input.observed.db.x)"`), "undefined field: \"3\""},
		"in the condition of a field":   {"", "", node("app", `{if _sizes["\(input.spec.size)"].big {x: "1"}}`), "undefined field: \"3\""},
		"in a loop":                     {"", "", node("app", `{for k, v in _sizes["\(input.spec.size)"] {"\(k)": v}}`), "undefined field: \"3\""},
		"behind a condition":            {"", "", node("app", `{if input.spec.zone == "a" {cpu: _sizes["\(input.spec.size)"].cpu}}`), "undefined field: \"3\""},
		"in a call":                     {"", "", node("app", `cpu: strconv.Atoi(_sizes["\(input.spec.size)"].cpu)`), "undefined field: \"3\""},
		"an optional field of the spec": {"", "", node("app", `cpu: input.spec.env.CPU`), "cannot reference optional field: env"},
		"a parameter": {
			`#App: {#size: string, id: "app", object: {apiVersion: "v1", kind: "X", metadata: name: "x", cpu: _sizes[#size].cpu}}`, "",
			`#App & {#size: "\(input.spec.size)"}`, "undefined field: \"3\"",
		},
		"beside a node that waits": {
			"", "", node("app", `cpu: _sizes["\(input.spec.size)"].cpu`) + "," + node("late", `ip: input.observed.db.x`), "undefined field: \"3\"",
		},
		"beside a value that waits": {"", "", node("app", `{cpu: _sizes["\(input.spec.size)"].cpu, ip: input.observed.db.x}`), "undefined field: \"3\""},
		"beside a node under a condition": {
			"", "", `if input.observed.db != _|_ {` + node("late", `x: "1"`) + `}, ` + node("app", `cpu: _sizes["\(input.spec.size)"].cpu`), "undefined field: \"3\"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, db := range []string{"", `{}`, `{"3": {"cpu": "1"}, "cpu": "1", "x": "1", "size": "1", "big": true}`} {
				_, err := rendered(t, sized(c.top, c.inside, c.node), db)
				var failure *wire.Error
				if !errors.As(err, &failure) || failure.Code != wire.CodeRender {
					t.Fatalf("with %q: got %v", db, err)
				}
				p := failure.Problems[0]
				if p.Node != "app" || !strings.Contains(p.Message, c.says) || p.File != "m.cue" || p.Line == 0 || !strings.HasPrefix(p.Path, "output.nodes[") {
					t.Fatalf("with %q: got %+v", db, p)
				}
			}
		})
	}
}

// Each of these looks like a lookup in a constant that fails, and succeeds once the right thing has been observed.
func TestWhatMayYetBeSeenIsNeverAnError(t *testing.T) {
	const seen = `{"3": "1", "size": "2", "more": {"3": {"cpu": "4"}}, "ready": true}`
	app := node("app", `cpu: _sizes["\(input.spec.size)"].cpu`)
	for name, c := range map[string]struct{ top, inside, node string }{
		"the key":                            {"", "", node("app", `cpu: _sizes[*input.observed.db.size | "3"].cpu`)},
		"the key, by a condition":            {"", "", node("app", `{let k = [if input.observed.db.size != _|_ {input.observed.db.size}, "3"][0], cpu: _sizes[k].cpu}`)},
		"the map has more":                   {"", `_m: *input.observed.db.more | {"1": cpu: "1"}`, strings.ReplaceAll(app, "_sizes", "_m")},
		"the map grows under a condition":    {"", `_more: {"1": cpu: "1", if input.observed.db != _|_ {"3": cpu: "4"}}`, strings.ReplaceAll(app, "_sizes", "_more")},
		"its parent grows under a condition": {"", `_p: {_m: "1": cpu: "1", if input.observed.db != _|_ {_m: "3": cpu: "4"}}`, strings.ReplaceAll(app, "_sizes", "_p._m")},
		"it is declared under a condition":   {"", `_m: "1": cpu: "1", if input.observed.db != _|_ {_m: "3": cpu: "4"}`, strings.ReplaceAll(app, "_sizes", "_m")},
		"what is embedded under a condition declares it": {
			`#More: {_m: "3": cpu: "4"}`, "_m: {...}\n\tif input.observed.db != _|_ {#More}", strings.ReplaceAll(app, "_sizes", "_m"),
		},
		"a parameter": {
			`#App: {#m: {...}, id: "app", object: {apiVersion: "v1", kind: "X", metadata: name: "x", cpu: #m["3"]}}`, "",
			`#App & {#m: {"1": "1", if input.observed.db != _|_ {"3": input.observed.db["3"]}}}`,
		},
		"an open map that is met with what is observed": {"", "", node("app", `{_p: {m: {...}, cpu: m["3"]}, x: _p & {m: *input.observed.db | {}}, cpu: x.cpu}`)},
		"a plain name that is met with what is observed": {
			"", "", node("app", `{sized: {more: {...}, cpu: more["3"].cpu} & {*input.observed.db | {}, ...}, cpu: sized.cpu}`),
		},
		"another alternative":                    {"", "", node("app", `cpu: *_sizes["\(input.spec.size)"].cpu | input.observed.db.size`)},
		"another alternative, of what it is in":  {`#App: {mode: "a", cpu: _sizes["3"].cpu} | {mode: "b", cpu: "1"}`, "", node("app", `#App & {mode: [if input.observed.db != _|_ {"b"}, "a"][0]}`)},
		"another element":                        {"", "", node("app", `{let i = [if input.observed.db != _|_ {1}, 0][0], cpu: [_sizes["3"].cpu, "1"][i]}`)},
		"a condition that will not hold":         {"", "", node("app", `{if input.observed.db == _|_ {cpu: _sizes["3"].cpu}}`)},
		"a condition around a use":               {"", `_bad: cpu: _sizes["3"].cpu`, node("app", `{if input.observed.db == _|_ {_bad}}`)},
		"a condition around a let's use":         {"", `let b = _sizes["3"].cpu`, node("app", `{if input.observed.db == _|_ {cpu: b}}`)},
		"a condition around the node":            {"", "", `if input.observed.db == _|_ {` + app + `}, if input.observed.db != _|_ {` + node("app", `x: "1"`) + `}`},
		"a condition around the node's template": {"", "_node: " + app, `if input.observed.db == _|_ {_node}, if input.observed.db != _|_ {` + node("app", `x: "1"`) + `}`},
		"a choice of templates":                  {"", `_t: {a: cpu: _sizes["3"].cpu, b: cpu: "1"}`, node("app", `_t[[if input.observed.db != _|_ {"b"}, "a"][0]]`)},
		"a template that a loop leaves out":      {`_t: {a: cpu: _sizes["3"].cpu}`, "", node("app", `{for k, v in _t if input.observed.db == _|_ {v}}`)},
		"an element that a loop leaves out":      {"", "", node("app", `{for k, v in [{cpu: _sizes["\(input.spec.size)"].cpu}][0] if input.observed.db == _|_ {"\(k)": v}}`)},
		"a part that a loop leaves out":          {"", "", node("app", `{for k, v in [{cpu: _sizes["\(input.spec.size)"].cpu}][0] {if input.observed.db == _|_ {cpu: v}}}`)},
		"an optional field that something adds":  {`#App: {cpu?: _sizes["3"].cpu}`, "", node("app", `{x: #App & {if input.observed.db == _|_ {cpu: _}}}`)},
		"a pattern that something matches":       {`#App: {[string]: _sizes["3"].cpu}`, "", node("app", `{x: #App & {if input.observed.db == _|_ {cpu: _}}}`)},
	} {
		t.Run(name, func(t *testing.T) {
			source := sized(c.top, c.inside, c.node)
			before, err := rendered(t, source, "")
			if err != nil || len(before.Waiting) != 1 || before.Waiting[0].Node != "app" {
				told := &wire.Error{}
				_ = errors.As(err, &told)
				t.Errorf("before: got %+v, %v %+v", before, err, told.Problems)
			}
			after, err := rendered(t, source, seen)
			if err != nil || len(after.Nodes) != 2 {
				told := &wire.Error{}
				_ = errors.As(err, &told)
				t.Errorf("after: got %+v, %v %+v", after, err, told.Problems)
			}
		})
	}
}

func TestAMissingValueOfAnImportedPackageIsNotJudged(t *testing.T) {
	m, problems := module.Load(map[string]string{
		"m.cue": "package m\n" + strings.Replace(sized("", "", `lib.#App & {#size: "\(input.spec.size)"}`),
			"import \"strconv\"", "import (\n\t\"strconv\"\n\t\"module.local/lib\"\n)", 1),
		"lib/lib.cue": `package lib
#App: {#size: string, id: "app", object: {apiVersion: "v1", kind: "X", metadata: name: "x", cpu: {"1": "1"}[#size]}}`,
	})
	if problems != nil {
		t.Fatalf("load: %+v", problems)
	}
	got, err := render.Render(m, []byte(input))
	if err != nil || len(got.Waiting) != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
}

// CUE does not give the fields of a struct in which one is missing for good, as it says; so all of it is left out.
func TestAStatusThatMayYetBeSeenIsLeftOut(t *testing.T) {
	const grows = "_m: {\"1\": \"a\", if input.observed.db != _|_ {\"3\": \"b\"}}\n\tstatus: {size: input.spec.size, found: _m[\"\\(input.spec.size)\"]}"
	for db, want := range map[string]string{"": `{}`, `{}`: `{"size":3,"found":"b"}`} {
		got, err := rendered(t, sized("", grows, ""), db)
		if err != nil || string(got.Status) != want {
			t.Errorf("with %q: got %+v, %v", db, got, err)
		}
	}
}
