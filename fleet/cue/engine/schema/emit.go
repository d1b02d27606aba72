package schema

import (
	"maps"
	"slices"
)

// Words of structural schemas beyond OpenAPI.
const (
	preserveUnknown = "x-kubernetes-preserve-unknown-fields"
	intOrString     = "x-kubernetes-int-or-string"
	listType        = "x-kubernetes-list-type"
	validations     = "x-kubernetes-validations"
)

// A place is where a schema is written: whether defaults may stand there, and how many copies of the value an object can
// have at most, which the cost of rules grows with (0: no limit).
type place struct {
	defaults bool
	copies   int64
	inList   bool
	untyped  bool // below a schema without a type, where the API server looks at no rules
	// merged tells that the value has been put together from alternatives around it, which say more exactly what it may be.
	merged bool
}

// within gives the place of the elements of a list or of the values of a map.
func (p place) within(limit *int64, inList bool) place {
	p.inList, p.merged = inList, false
	if limit == nil || *limit > 1<<20 || p.copies > 1<<40 {
		p.copies = 0
	} else {
		p.copies *= max(*limit, 1)
	}
	return p
}

// single gives the place of a field.
func (p place) single() place {
	p.inList, p.merged = false, false
	return p
}

// emit writes a node as a structural schema: one type for all alternatives, and what tells them apart as value validations.
func (w *walker) emit(n *node, at place) map[string]any {
	s := map[string]any{}
	if n.doc != "" {
		s["description"] = n.doc
	}
	alts, nullable := n.values(), n.nullable()
	if nullable {
		s["nullable"] = true
	}
	if n.anyKind() {
		s[preserveUnknown] = true
		if slices.ContainsFunc(alts, composite) {
			w.widen(n.path, "alternatives beside one that allows everything: data that fits several is refused by CUE only")
		}
		return s
	}
	if !at.merged {
		w.besideVague(n)
	}
	switch ks := kinds(alts); {
	case len(ks) == 0:
		w.emitNothing(s, nullable)
	case len(ks) == 1:
		s["type"] = string(ks[0])
		w.emitKind(s, ks[0], n, alts, at)
	case isIntOrString(ks):
		s[intOrString] = true
		w.emitIntOrString(s, n, alts, at)
	default:
		s[preserveUnknown] = true
		if at.inList && !nullable {
			w.widen(n.path, "null among the elements of a list of mixed kinds")
		}
		at.untyped = true
		w.emitUnion(s, n, alts, at)
	}
	return s
}

// emitNothing writes a schema that no value meets, or only null: the API server looks at nothing but type and enum for null.
func (w *walker) emitNothing(s map[string]any, nullable bool) {
	s["type"] = "object"
	s["not"] = map[string]any{}
	if nullable {
		s["nullable"] = true
	}
}

// emitKind writes alternatives of one kind.
func (w *walker) emitKind(s map[string]any, k kind, n *node, alts []*alt, at place) {
	switch {
	case k == kindObject && len(alts) == 1:
		w.emitObject(s, alts[0].object, n.path, at)
	case k == kindArray && len(alts) == 1:
		w.emitList(s, alts[0].list, n.path, at)
	case k == kindObject || k == kindArray:
		w.emitUnion(s, n, alts, at)
	default:
		w.emitScalars(s, k, n, alts)
	}
}

// emitScalars writes scalars of one kind.
func (w *walker) emitScalars(s map[string]any, k kind, n *node, alts []*alt) {
	if enum, ok := enumeration(alts); ok && k != kindNumber {
		if n.nullable() { // a direct enum would refuse null whatever nullable says
			s["anyOf"] = []any{map[string]any{"enum": enum}}
		} else {
			s["enum"] = enum
		}
		return
	}
	arms, _ := w.armsOf(alts, carrier{kinds: []kind{k}}, n.path, strict)
	inline(s, arms)
}

// inline puts alternatives into a schema: a single one directly, several as anyOf; none of them if one allows everything.
func inline(s map[string]any, arms []map[string]any) {
	if slices.ContainsFunc(arms, func(a map[string]any) bool { return len(a) == 0 }) {
		return
	}
	if len(arms) == 1 {
		maps.Copy(s, arms[0])
		return
	}
	s["anyOf"] = list2any(arms)
}

func list2any(arms []map[string]any) []any {
	out := make([]any, 0, len(arms))
	for _, a := range arms {
		out = append(out, a)
	}
	return out
}

// enumeration gives the values of alternatives that are all plain enumerations.
func enumeration(alts []*alt) ([]any, bool) {
	var enum []any
	for _, a := range alts {
		if a.enum == nil || !fingerprintsEqual(a, &alt{kind: a.kind, enum: a.enum}) {
			return nil, false
		}
		for _, e := range a.enum {
			enum = append(enum, e)
		}
	}
	return enum, true
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
