package difftest

import (
	"encoding/json"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"

	"cuelang.org/go/cue"
)

// maxDepth ends the generation of recursive values.
const maxDepth = 24

// A generator makes values for one definition: along its schema, along the definition itself (so that a field which the schema
// has lost still occurs), and by changing values that one side has accepted.
type generator struct {
	*rand.Rand
	material *material
	schema   map[string]any
	value    cue.Value
	accepted []any // by either side
	// calm is set until a value has been accepted: no surprises, all that is required.
	calm bool
}

// newGenerator makes a generator whose values depend on nothing but the definition and the seed.
func newGenerator(d *definition, t *target, seed uint64) (*generator, error) {
	var s map[string]any
	if err := decode(t.json, &s); err != nil {
		return nil, err
	}
	h := fnv.New64a()
	h.Write([]byte(d.name))
	return &generator{
		Rand:     rand.New(rand.NewPCG(seed, h.Sum64())),
		material: gather(d.value.Source(), s),
		schema:   s,
		value:    d.value,
	}, nil
}

// encoded gives the next value, also as JSON. It is never null: the API server requires spec.
func (g *generator) encoded() (value any, data []byte, err error) {
	for value == nil {
		value = g.next()
	}
	data, err = json.Marshal(value)
	return value, data, err
}

func (g *generator) next() any {
	g.calm = len(g.accepted) == 0 && g.chance(2)
	switch n := g.IntN(10); {
	case len(g.accepted) > 0 && n < 5:
		v := clone(pick(g, g.accepted))
		for range 1 + g.IntN(3) {
			v = g.mutate(v, 0)
		}
		return v
	case n < 8 || g.calm:
		return g.fromCUE(g.value, 0)
	}
	return g.fromSchema(g.schema, 0)
}

// keep remembers an accepted value as a starting point.
func (g *generator) keep(v any) {
	const most = 200
	if len(g.accepted) < most {
		g.accepted = append(g.accepted, v)
		return
	}
	g.accepted[g.IntN(most)] = v
}

// noise tells whether to do something unexpected now.
func (g *generator) noise(oneIn int) bool { return !g.calm && g.chance(oneIn) }

func pick[T any](g *generator, from []T) T { return from[g.IntN(len(from))] }

func (g *generator) chance(oneIn int) bool { return g.IntN(oneIn) == 0 }

// anything gives any small value.
func (g *generator) anything() any {
	switch g.IntN(9) {
	case 0:
		return []any{}
	case 1:
		return []any{g.scalar(), g.scalar()}
	case 2:
		return map[string]any{}
	case 3:
		return map[string]any{pick(g, g.material.names): g.scalar()}
	}
	return g.scalar()
}

func (g *generator) scalar() any {
	switch g.IntN(8) {
	case 0:
		return nil
	case 1:
		return g.chance(2)
	case 2, 3, 4:
		return pick(g, g.material.numbers)
	}
	return pick(g, g.material.texts)
}

func (g *generator) integer() any {
	for range 50 {
		if n := pick(g, g.material.numbers); !slices.ContainsFunc([]byte(n), func(c byte) bool { return c == '.' || c == 'e' }) {
			return n
		}
	}
	return json.Number("1")
}

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

func (g *generator) ofKind(k cue.Kind) any {
	var kinds []cue.Kind
	for _, one := range []cue.Kind{cue.NullKind, cue.BoolKind, cue.IntKind, cue.FloatKind, cue.StringKind} {
		if k&one != 0 {
			kinds = append(kinds, one)
		}
	}
	if len(kinds) == 0 || k == cue.TopKind {
		return g.anything()
	}
	switch pick(g, kinds) {
	case cue.NullKind:
		return nil
	case cue.BoolKind:
		return g.chance(2)
	case cue.IntKind:
		return g.integer()
	case cue.FloatKind:
		return pick(g, g.material.numbers)
	}
	return pick(g, g.material.texts)
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

// fromSchema follows a structural schema.
func (g *generator) fromSchema(s map[string]any, depth int) any {
	if depth > maxDepth || g.chance(30) {
		return g.anything()
	}
	if s["nullable"] == true && g.chance(5) {
		return nil
	}
	if e, ok := s["enum"].([]any); ok && !g.chance(8) {
		return pick(g, e)
	}
	switch s["type"] {
	case "object":
		return g.objectFromSchema(s, depth)
	case "array":
		out := []any{}
		for range g.IntN(4) {
			out = append(out, g.fromSchema(asSchema(s["items"]), depth+1))
		}
		return out
	case "integer":
		return g.integer()
	case "number":
		return pick(g, g.material.numbers)
	case "string":
		return pick(g, g.material.texts)
	case "boolean":
		return g.chance(2)
	}
	return g.anything()
}

func (g *generator) objectFromSchema(s map[string]any, depth int) any {
	out := map[string]any{}
	properties := asSchema(s["properties"])
	required, _ := s["required"].([]any)
	for _, name := range sorted(properties) {
		if g.chance(2) && !slices.Contains(required, any(name)) || g.chance(25) {
			continue
		}
		out[name] = g.fromSchema(asSchema(properties[name]), depth+1)
	}
	if values, ok := s["additionalProperties"].(map[string]any); ok {
		for range g.IntN(4) {
			out[pick(g, g.material.names)] = g.fromSchema(values, depth+1)
		}
	} else if s["x-kubernetes-preserve-unknown-fields"] == true && g.chance(3) || g.chance(40) {
		out[pick(g, g.material.names)] = g.anything()
	}
	return out
}

func asSchema(v any) map[string]any {
	s, _ := v.(map[string]any)
	return s
}
