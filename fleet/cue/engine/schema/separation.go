package schema

import (
	"slices"
)

// CUE takes an alternative only if the data contradicts all others. What follows tells from the alternatives alone whether
// that is sure for any data.

// separated tells that data which is complete for one alternative contradicts every other one.
func separated(alts []*alt) bool {
	for i, a := range alts {
		for j, b := range alts {
			if i != j && !separates(a, b) {
				return false
			}
		}
	}
	return true
}

// separates tells that data which is complete for a contradicts b.
func separates(a, b *alt) bool {
	if a.kind != b.kind || a.kind != kindObject {
		return true // scalars and lists are equal if both fit; see ambiguousLists for lists of structs
	}
	for _, f := range a.object.fields {
		if !f.required {
			continue
		}
		g := b.object.field(f.name)
		if g == nil {
			if b.object.closed() {
				return true
			}
			continue
		}
		if disjoint(f.node, g.node) && !(g.node.nullable() && overlooksNull(f.node)) {
			return true
		}
	}
	return false
}

// overlooksNull tells that the value validation of a node does not keep null out: the API server looks at nothing but enum for it.
func overlooksNull(n *node) bool {
	return slices.ContainsFunc(n.alts, func(a *alt) bool { return a.enum == nil || a.kind != kindString && a.kind != kindBoolean })
}

// besideVague reports alternatives beside a struct in place of which CUE (v0.17) takes them too: it finds that they fit both.
func (w *walker) besideVague(n *node) {
	vague := func(a *alt) bool { return a.kind == kindObject && a.object.vague }
	if slices.ContainsFunc(n.alts, vague) && slices.ContainsFunc(n.alts, func(a *alt) bool { return a.kind != kindObject }) {
		w.widen(n.path, "alternatives beside a struct that has nothing but optional fields and conditions are told apart by CUE only")
	}
}

// ambiguousLists tells that several alternatives are lists of structs, which may differ in fields that the data leaves out.
func ambiguousLists(alts []*alt) bool {
	lists := 0
	for _, a := range alts {
		if a.kind == kindArray && a.list.items != nil && slices.ContainsFunc(a.list.items.alts, composite) {
			lists++
		}
	}
	return lists > 1
}

func composite(a *alt) bool { return a.kind == kindObject || a.kind == kindArray }

// disjoint tells that two nodes have no value in common, as far as their kinds and enumerations show.
func disjoint(a, b *node) bool {
	for _, x := range a.alts {
		for _, y := range b.alts {
			if _, meets := meetKinds(x.kind, y.kind); !meets {
				continue
			}
			if _, meets := meetEnums(x.enum, y.enum); x.enum == nil || y.enum == nil || meets {
				return false
			}
		}
	}
	return true
}

// discriminated tells that some regular field has another constant in each alternative: two alternatives that both
// survive then differ, and CUE refuses the data.
func discriminated(alts []*alt) bool {
	if slices.ContainsFunc(alts, func(a *alt) bool { return a.kind != kindObject }) {
		return false
	}
	return slices.ContainsFunc(alts[0].object.fields, func(f field) bool {
		for i, a := range alts {
			own := a.object.field(f.name)
			if own == nil || own.def == nil && !own.required {
				return false
			}
			for _, b := range alts[:i] {
				if !disjoint(own.node, b.object.field(f.name).node) {
					return false
				}
			}
		}
		return true
	})
}
