package difftest

import (
	"encoding/json"
	"maps"

	"cuelang.org/go/cue"
)

// fromCUE follows a definition: its fields, alternatives, elements and constants.
func (g *generator) fromCUE(v cue.Value, depth int) any {
	if depth > maxDepth || g.noise(100) {
		return g.anything()
	}
	e := v.Eval()
	op, args := e.Expr()
	if op == cue.OrOp {
		return g.fromCUE(pick(g, args), depth)
	}
	if d, ok := v.Default(); ok && g.chance(4) {
		v = d
	} else if op == cue.NoOp && len(args) == 1 && args[0] != e {
		return g.fromCUE(args[0], depth+1)
	}
	k := v.IncompleteKind()
	if k == cue.BottomKind {
		if list, ok := listIn(v); ok {
			return g.listFromCUE(list, depth)
		}
		if _, err := v.Fields(cue.Optional(true)); err == nil {
			k = cue.StructKind
		}
	}
	switch {
	case k == cue.StructKind:
		return g.structFromCUE(v, depth)
	case k == cue.ListKind:
		return g.listFromCUE(v, depth)
	case k != cue.BottomKind && v.IsConcrete() && !g.noise(10):
		var out any
		if b, err := v.MarshalJSON(); err == nil && decode(b, &out) == nil {
			return out
		}
	}
	if g.noise(3) {
		return g.ofKind(k)
	}
	return g.fitting(v, k)
}

// fitting looks for a scalar that a value accepts, so that definitions with many strict fields are met at all.
func (g *generator) fitting(v cue.Value, k cue.Kind) (out any) {
	for range 60 {
		out = g.ofKind(k)
		if b, err := json.Marshal(out); err == nil && v.Unify(v.Context().CompileBytes(b)).Err() == nil {
			break
		}
	}
	return out
}

// listIn gives the list in a conjunction that is not known yet, because of list.MinItems.
func listIn(v cue.Value) (cue.Value, bool) {
	if op, args := v.Expr(); op == cue.AndOp {
		for _, a := range args {
			if _, err := a.List(); err == nil {
				return a, true
			}
			if list, ok := listIn(a); ok {
				return list, true
			}
		}
	}
	return v, false
}

func (g *generator) structFromCUE(v cue.Value, depth int) any {
	out := map[string]any{}
	it, err := v.Fields(cue.Optional(true), cue.Patterns(true))
	if err != nil {
		return g.anything()
	}
	for it.Next() {
		sel, sub := it.Selector(), it.Value()
		switch sel.ConstraintType() {
		case cue.PatternConstraint:
			for range g.IntN(3) {
				out[pick(g, g.material.names)] = g.fromCUE(sub, depth+1)
			}
			continue
		case cue.OptionalConstraint:
			if g.chance(2) {
				continue
			}
		default:
			complete := sub.Validate(cue.Concrete(true)) == nil || g.calm && computed(sub)
			if complete && (g.calm || g.chance(2)) || g.noise(60) {
				continue
			}
		}
		out[sel.Unquoted()] = g.fromCUE(sub, depth+1)
	}
	if arm, ok := alternativeIn(g, v); ok {
		if more, ok := g.fromCUE(arm, depth+1).(map[string]any); ok {
			maps.Copy(out, more)
		}
	}
	g.complete(v, out, depth)
	if g.noise(20) {
		out[pick(g, g.material.names)] = g.anything()
	}
	return out
}

// alternativeIn picks one of the alternatives that are embedded in a struct which is not known yet.
func alternativeIn(g *generator, v cue.Value) (cue.Value, bool) {
	op, args := v.Expr()
	if op != cue.AndOp || v.IncompleteKind() != cue.BottomKind {
		return v, false
	}
	for _, a := range args {
		if op, arms := a.Expr(); op == cue.OrOp {
			return pick(g, arms), true
		}
	}
	return v, false
}

// computed tells that a field gets its value from others.
func computed(v cue.Value) bool {
	op, _ := v.Expr()
	return v.IncompleteKind() == cue.BottomKind && op != cue.AndOp && op != cue.NoOp
}

// complete adds the fields that a definition has only for the values chosen so far.
func (g *generator) complete(v cue.Value, out map[string]any, depth int) {
	b, err := json.Marshal(out)
	if err != nil || v.IncompleteKind() != cue.BottomKind && !g.chance(4) {
		return
	}
	it, err := v.Unify(v.Context().CompileBytes(b)).Fields(cue.Optional(true))
	if err != nil {
		return
	}
	for it.Next() {
		name, optional := it.Selector().Unquoted(), it.Selector().ConstraintType() == cue.OptionalConstraint
		if _, there := out[name]; !there && !optional && it.Value().Validate(cue.Concrete(true)) != nil && !g.noise(5) {
			out[name] = g.fromCUE(it.Value(), depth+1)
		}
	}
}

func (g *generator) listFromCUE(v cue.Value, depth int) any {
	out := []any{}
	if it, err := v.List(); err == nil {
		for it.Next() {
			out = append(out, g.fromCUE(it.Value(), depth+1))
		}
	}
	if el := v.LookupPath(cue.MakePath(cue.AnyIndex)); el.Exists() {
		n := g.IntN(4)
		if g.calm {
			n = 1
		}
		for range n {
			out = append(out, g.fromCUE(el, depth+1))
		}
	}
	return out
}
