package difftest

import (
	"encoding/json"
	"maps"
	"slices"
)

// CUE (v0.17) takes a scalar or a list in place of a struct that has nothing but optional fields and conditions that do not hold: the schema
// says "object" there, and null is taken for absence. A value with such scalars is judged as if the empty structs that they stand for had
// been given, and nothing where it is null. That holds for definitions that are marked with @scalars(), and for invented ones with conditions.

// oddScalars are of kinds and values that no definition of the corpus has together.
var oddScalars = []any{true, json.Number("-7.25"), "\x01"}

// tamed gives a value without such scalars; changed is false if there are none.
func (t *target) tamed(data []byte) (out []byte, changed bool) {
	var value any
	if err := decode(data, &value); err != nil {
		return nil, false
	}
	value, _ = t.tame(value, func(x any) any { return x }, &changed)
	out, err := json.Marshal(value)
	return out, changed && err == nil
}

// tame walks a part of a value; whole gives the value with something else in place of the part. keep is false if the part is to be left out.
func (t *target) tame(part any, whole func(any) any, changed *bool) (out any, keep bool) {
	if _, isStruct := part.(map[string]any); !isStruct && t.takesAny(whole) {
		*changed = true
		return map[string]any{}, part != nil
	}
	switch x := part.(type) {
	case map[string]any:
		fields := map[string]any{}
		for _, name := range sorted(x) {
			within := func(y any) any {
				other := maps.Clone(x)
				other[name] = y
				return whole(other)
			}
			if sub, keep := t.tame(x[name], within, changed); keep {
				fields[name] = sub
			}
		}
		return fields, true
	case []any:
		items := make([]any, len(x))
		for i := range x {
			items[i], _ = t.tame(x[i], func(y any) any {
				other := slices.Clone(x)
				other[i] = y
				return whole(other)
			}, changed)
		}
		return items, true
	}
	return part, true
}

// takesAny tells that CUE takes all of the odd scalars in some place.
func (t *target) takesAny(whole func(any) any) bool {
	return !slices.ContainsFunc(oddScalars, func(odd any) bool {
		data, err := json.Marshal(whole(odd))
		if err == nil {
			_, err = t.accepts(data)
		}
		return err != nil
	})
}
