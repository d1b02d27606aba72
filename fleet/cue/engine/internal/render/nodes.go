package render

import (
	"encoding/json"
	"fmt"

	"cuelang.org/go/cue"

	"pequod.io/fleet/engine/internal/module"
	"pequod.io/fleet/engine/internal/problem"
)

var (
	idPath     = cue.ParsePath("id")
	objectPath = cue.ParsePath("object")
)

// nodesOf gives the nodes that are concrete, and says what the others wait for.
func nodesOf(m *module.Module, filled cue.Value) ([]json.RawMessage, []Waiting, error) {
	list := filled.LookupPath(nodesPath)
	nodes, waiting := []json.RawMessage{}, []Waiting{}
	taken := map[string]int{}
	// By index, because Value.List refuses a list as soon as one element is incomplete.
	count := 0
	for ; ; count++ {
		node := list.LookupPath(cue.MakePath(cue.Index(count)))
		if !node.Exists() {
			break
		}
		id, err := node.LookupPath(idPath).String()
		if err != nil {
			return nil, nil, renderError(filled, problem.From(err))
		}
		if first, again := taken[id]; again {
			p := problem.At(node.LookupPath(idPath).Pos(), fmt.Sprintf("#Render.output.nodes[%d].id", count),
				"output.nodes[%d] already has the id %q", first, id)
			return nil, nil, renderError(filled, []problem.Problem{p})
		}
		taken[id] = count
		raw, paths, err := oneNode(m, node)
		switch {
		case err != nil:
			return nil, nil, renderError(filled, problem.From(err))
		case paths != nil:
			waiting = append(waiting, Waiting{Node: id, Paths: paths})
		default:
			nodes = append(nodes, raw)
		}
	}
	if count == 0 {
		if err := list.Validate(cue.Concrete(true)); err != nil {
			return nil, nil, renderError(filled, problem.From(err))
		}
	}
	return nodes, waiting, nil
}

// oneNode is the node's JSON, or the paths that it waits for.
func oneNode(m *module.Module, node cue.Value) (json.RawMessage, []string, error) {
	err := node.Validate(cue.Concrete(true))
	if err == nil {
		raw, err := node.MarshalJSON()
		if err != nil {
			return nil, nil, err
		}
		return raw, nil, nil
	}
	// Only values that have yet to be observed can make an incomplete node complete: anything else that is
	// missing is missing for ever, and waiting for it would hide the mistake.
	if wrong := node.Validate(); wrong != nil {
		return nil, nil, wrong
	}
	if wrong := envelope(node); wrong != nil {
		return nil, nil, wrong
	}
	paths := awaited(m, node.LookupPath(objectPath), err)
	if len(paths) == 0 {
		return nil, nil, err
	}
	return nil, paths, nil
}

// envelope checks all of a node but its object, which alone may wait.
func envelope(node cue.Value) error {
	fields, err := node.Fields()
	if err != nil {
		return err
	}
	for fields.Next() {
		if fields.Selector() == cue.Str("object") {
			continue
		}
		if err := fields.Value().Validate(cue.Concrete(true)); err != nil {
			return err
		}
	}
	return nil
}
