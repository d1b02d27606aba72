package schema

import (
	"encoding/json"
	"slices"
)

// meetAll intersects two disjunctions.
func meetAll(as, bs []*alt) []*alt {
	var out []*alt
	for _, a := range as {
		for _, b := range bs {
			if m := meet(a, b); m != nil {
				out = append(out, m)
			}
		}
	}
	return distinct(out)
}

// meet intersects two alternatives; nil is the empty set. The result may share parts with both.
func meet(a, b *alt) *alt {
	k, ok := meetKinds(a.kind, b.kind)
	if !ok {
		return nil
	}
	out := *a
	if a.kind == kindAny {
		out = *b
	}
	out.kind = k
	out.preferred = a.preferred || b.preferred
	if out.enum, ok = meetEnums(a.enum, b.enum); !ok {
		return nil
	}
	out.notEq = union(a.notEq, b.notEq)
	out.numbers = numbers{
		min:        tighter(a.numbers.min, b.numbers.min, 1),
		max:        tighter(a.numbers.max, b.numbers.max, -1),
		multipleOf: union(a.numbers.multipleOf, b.numbers.multipleOf),
	}
	out.text = text{
		min:        larger(a.text.min, b.text.min),
		max:        smaller(a.text.max, b.text.max),
		patterns:   union(a.text.patterns, b.text.patterns),
		unpatterns: union(a.text.unpatterns, b.text.unpatterns),
	}
	out.list = meetLists(a.list, b.list)
	out.object = meetObjects(a.object, b.object)
	return &out
}

func meetKinds(a, b kind) (kind, bool) {
	switch {
	case a == b || b == kindAny:
		return a, true
	case a == kindAny:
		return b, true
	case a == kindInteger && b == kindNumber, a == kindNumber && b == kindInteger:
		return kindInteger, true
	}
	return "", false
}

func meetEnums(a, b []json.RawMessage) ([]json.RawMessage, bool) {
	switch {
	case a == nil:
		return b, true
	case b == nil:
		return a, true
	}
	var both []json.RawMessage
	for _, x := range a {
		if slices.ContainsFunc(b, func(y json.RawMessage) bool { return string(x) == string(y) }) {
			both = append(both, x)
		}
	}
	return both, len(both) > 0
}

// meetLists intersects lists. Of two lists with elements of their own the second's are kept: CUE has unified
// them already wherever it could, so that only constraints such as list.MinItems come here apart.
func meetLists(a, b *list) *list {
	if a == nil || b == nil {
		return either(a, b)
	}
	out := list{items: a.items, min: larger(a.min, b.min), max: smaller(a.max, b.max), unique: a.unique || b.unique}
	switch {
	case a.items == nil:
		out.items = b.items
	case b.items != nil:
		out.items = &node{
			path:  a.items.path,
			doc:   a.items.doc,
			alts:  meetAll(a.items.alts, b.items.alts),
			exact: a.items.exact && b.items.exact,
		}
	}
	return &out
}

// meetObjects intersects objects. Only constraints such as struct.MinFields, which are open and have no fields, come here
// apart from the object they belong to.
func meetObjects(a, b *object) *object {
	if a == nil || b == nil {
		return either(a, b)
	}
	out := *a
	if len(a.fields) == 0 && a.open && a.values == nil {
		out = *b
	}
	out.min, out.max = larger(a.min, b.min), smaller(a.max, b.max)
	return &out
}

func either[T any](a, b *T) *T {
	if a == nil {
		return b
	}
	return a
}

func larger(a, b *int64) *int64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

func smaller(a, b *int64) *int64 {
	if a == nil || b != nil && *b < *a {
		return b
	}
	return a
}

// tighter picks the bound that leaves less: the larger one for sign 1, the smaller one for sign -1.
func tighter(a, b *bound, sign int) *bound {
	if a == nil || b == nil {
		return either(a, b)
	}
	switch c := compare(b.value, a.value) * sign; {
	case c > 0, c == 0 && b.exclusive:
		return b
	}
	return a
}

// union keeps what is in a or b, once, in order.
func union[S ~[]E, E interface{ ~string | ~[]byte }](a, b S) S {
	out := slices.Clone(a)
	for _, x := range b {
		if !slices.ContainsFunc(out, func(y E) bool { return string(x) == string(y) }) {
			out = append(out, x)
		}
	}
	return out
}
