package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"cuelang.org/go/cue"

	"pequod.io/fleet/engine/internal/problem"
)

var (
	idPath     = cue.ParsePath("id")
	objectPath = cue.ParsePath("object")

	objectSelector = cue.Str("object")
	errNoObject    = errors.New("the node has no object")

	// What makes an object one of Kubernetes.
	identity = []cue.Path{cue.ParsePath("apiVersion"), cue.ParsePath("kind"), cue.ParsePath("metadata.name")}
)

// nodesOf gives the nodes that are concrete, and says what the others wait for. It fails with what is wrong with all
// of them.
func (r *rendering) nodesOf() ([]json.RawMessage, []Waiting, error) {
	list := r.filled.LookupPath(nodesPath)
	nodes, waiting := []json.RawMessage{}, []Waiting{}
	var problems []problem.Problem
	ids := map[string]int{}
	// By index, because Value.List refuses a list as soon as one element is incomplete.
	count := 0
	for ; len(problems) < problem.Most; count++ {
		node := list.LookupPath(cue.MakePath(cue.Index(count)))
		if !node.Exists() {
			break
		}
		id, wrong := r.idOf(node, count, ids)
		if wrong != nil {
			problems = append(problems, wrong...)
			continue
		}
		encoded, paths, wrong := r.node(node, count)
		switch {
		case wrong != nil:
			problems = append(problems, wrong...)
		case paths != nil:
			waiting = append(waiting, Waiting{Node: id, Paths: paths})
		default:
			nodes = append(nodes, encoded)
		}
	}
	if count == 0 {
		if err := list.Validate(cue.Concrete(true)); err != nil {
			problems = r.unlisted(err)
		}
	}
	if len(problems) > 0 {
		return nil, nil, r.failed(problems)
	}
	return nodes, waiting, nil
}

// idOf is the node's id, which no other node in ids may have.
func (r *rendering) idOf(node cue.Value, index int, ids map[string]int) (string, []problem.Problem) {
	value := node.LookupPath(idPath)
	id, err := value.String()
	if err != nil {
		return "", r.unreadable(index, err)
	}
	if first, again := ids[id]; again {
		return "", []problem.Problem{problem.At(value.Pos(), fmt.Sprintf("#Render.output.nodes[%d].id", index),
			"output.nodes[%d] already has the id %q", first, id)}
	}
	ids[id] = index
	return id, nil
}

// unlisted tells why there is no list of nodes at all. An object may wait; which nodes there are has to be known.
func (r *rendering) unlisted(err error) []problem.Problem {
	problems := problem.From(err)
	if paths, _ := written(r.module, err); len(paths) > 0 {
		for i := range problems {
			problems[i].Message += fmt.Sprintf(": the list of nodes cannot wait for %s; "+
				"put a condition such as `if input.%s != _|_` around the node, or the value into its object", paths[0], paths[0])
		}
	}
	return problems
}

// node is the JSON of the node at index, or the paths that it waits for.
func (r *rendering) node(node cue.Value, index int) (json.RawMessage, []string, []problem.Problem) {
	parts, err := encode(node)
	if err != nil {
		return nil, nil, r.unreadable(index, err)
	}
	object := node.LookupPath(objectPath)
	if incomplete := object.Validate(cue.Concrete(true)); incomplete != nil {
		paths, wrong := r.incomplete(node, index, parts, incomplete)
		return nil, paths, wrong
	}
	if !r.module.Proven.Has(parts.envelope()) || !identified(object) {
		if err := r.checked(index).Validate(cue.Concrete(true)); err != nil {
			return nil, nil, problem.From(err)
		}
		r.module.Proven.Add(parts.envelope())
	}
	raw, err := object.MarshalJSON()
	if err != nil {
		return nil, nil, problem.From(err)
	}
	return parts.around(raw), nil, nil
}

// incomplete tells what the node waits for. Only values that have yet to be observed can make an incomplete object
// complete: anything else that is missing is missing for ever, and waiting for it would hide the mistake.
func (r *rendering) incomplete(node cue.Value, index int, parts parts, incomplete error) ([]string, []problem.Problem) {
	if err := node.Validate(); err != nil && !mayAppear(r.module, err) {
		return nil, problem.From(err)
	}
	if !r.module.Proven.Has(parts.envelope()) {
		switch err := r.checked(index).Validate(); {
		case err == nil:
			r.module.Proven.Add(parts.envelope())
		case !mayAppear(r.module, err):
			return nil, problem.From(err)
		}
	}
	if gone := lost(r.module, incomplete); gone != nil {
		return nil, problem.From(gone)
	}
	paths := awaited(r.module, node.LookupPath(objectPath), incomplete)
	if len(paths) == 0 {
		return nil, problem.From(incomplete)
	}
	return paths, nil
}

// unreadable tells what the contract says of a node that cannot be read at all, or else why it cannot.
func (r *rendering) unreadable(index int, err error) []problem.Problem {
	if broken := r.checked(index).Validate(cue.Concrete(true)); broken != nil {
		err = broken
	}
	return problem.From(err)
}

// identified says whether the object names what it is.
func identified(object cue.Value) bool {
	for _, path := range identity {
		if text, err := object.LookupPath(path).String(); err != nil || text == "" {
			return false
		}
	}
	return true
}

// parts is a node's JSON before and after its object.
type parts struct{ before, after []byte }

func (p parts) envelope() []byte { return p.around(nil) }

func (p parts) around(object []byte) []byte {
	return bytes.Join([][]byte{p.before, p.after}, object)
}

// encode gives the JSON of all of a node but its object, which alone may be incomplete.
func encode(node cue.Value) (parts, error) {
	var p parts
	fields, err := node.Fields()
	if err != nil {
		return p, err
	}
	out := &p.before
	for fields.Next() {
		if len(p.before) == 0 {
			*out = append(*out, '{')
		} else {
			*out = append(*out, ',')
		}
		name, err := json.Marshal(fields.Selector().Unquoted())
		if err != nil {
			return p, err
		}
		*out = append(append(*out, name...), ':')
		if fields.Selector() == objectSelector {
			out = &p.after
			continue
		}
		raw, err := fields.Value().MarshalJSON()
		if err != nil {
			return p, err
		}
		*out = append(*out, raw...)
	}
	if out == &p.before {
		return p, errNoObject
	}
	p.after = append(p.after, '}')
	return p, nil
}
