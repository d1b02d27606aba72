package difftest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// mutate changes one thing somewhere in a value.
func (g *generator) mutate(v any, depth int) any {
	switch x := v.(type) {
	case map[string]any:
		if len(x) > 0 && !g.chance(3) {
			name := pick(g, sorted(x))
			x[name] = g.mutate(x[name], depth+1)
			return x
		}
		return g.mutateObject(x)
	case []any:
		if len(x) > 0 && !g.chance(3) {
			i := g.IntN(len(x))
			x[i] = g.mutate(x[i], depth+1)
			return x
		}
		return g.mutateList(x)
	case json.Number:
		if !g.chance(5) {
			return pick(g, g.material.numbers)
		}
	case string:
		if !g.chance(5) {
			return pick(g, g.material.texts)
		}
	case bool:
		if !g.chance(5) {
			return !x
		}
	}
	if depth == 0 {
		return v // a definition is a struct: anything else is refused at once by both
	}
	return g.anything()
}

func (g *generator) mutateObject(x map[string]any) any {
	names := sorted(x)
	switch n := g.IntN(5); {
	case n == 0 && len(names) > 0:
		delete(x, pick(g, names))
	case n == 1 && len(names) > 1: // what one field has, another may not
		x[pick(g, names)] = clone(x[pick(g, names)])
	case n == 2:
		x[pick(g, g.material.names)] = g.anything()
	case n == 3 && len(names) > 0:
		from := pick(g, names)
		x[pick(g, g.material.names)] = clone(x[from])
		delete(x, from)
	default: // merge in another value that was accepted
		if other, ok := pick(g, g.accepted).(map[string]any); ok && len(other) > 0 {
			name := pick(g, sorted(other))
			x[name] = clone(other[name])
		}
	}
	return x
}

func (g *generator) mutateList(x []any) any {
	switch n := g.IntN(4); {
	case n == 0 && len(x) > 0:
		return slices.Delete(x, 0, 1)
	case n == 1 && len(x) > 0:
		return append(x, clone(pick(g, x)))
	case n == 2 && len(x) > 1:
		slices.Reverse(x)
		return x
	}
	return append(x, g.anything())
}

func sorted[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

func clone(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, sub := range x {
			out[k] = clone(sub)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, sub := range x {
			out[i] = clone(sub)
		}
		return out
	}
	return v
}

// decode reads JSON with numbers as they are written.
func decode(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(into)
}
