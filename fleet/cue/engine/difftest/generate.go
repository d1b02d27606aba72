package difftest

import (
	"encoding/json"
	"hash/fnv"
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

// ofKind gives a scalar of one of some kinds, of any kind where all are allowed.
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
