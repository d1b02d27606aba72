package schema

import (
	"slices"

	"cuelang.org/go/cue"
)

// disjunction reads alternatives; args are those that CUE has left after evaluation.
//
// Scalars are read as evaluated. Lists and structs are read as written where that can be done, because evaluation compares them as
// if they were empty: it merges [...int] | [...string], drops [...int] & list.MinItems(1) | null down to null, and forgets
// validators that hold for an empty list. CUE does neither when it unifies them with data.
func (w *walker) disjunction(v cue.Value, args []cue.Value, path string) []*alt {
	if !w.hasAlternatives(v) && v.IncompleteKind()&(cue.ListKind|cue.StructKind) == 0 {
		var alts []*alt
		for _, a := range args {
			alts = append(alts, w.evaluated(a, path)...)
		}
		return distinct(alts)
	}
	alts, combinations := w.written(v, path)
	if alts == nil {
		for _, a := range args {
			if a != v.Eval() {
				alts = append(alts, w.evaluated(a, path)...)
			}
		}
		alts = distinct(alts)
		if combinations > len(args) {
			w.widen(path, "alternatives of several conjuncts, which CUE tells apart only when it is given data")
			return []*alt{anything()}
		}
	}
	return w.prefer(v, alts, path)
}

// hasAlternatives tells that a value is written as a disjunction that has a list or a struct in it.
func (w *walker) hasAlternatives(v cue.Value) bool {
	for _, c := range w.scope.leaves(v) {
		op, args := c.Expr()
		if op == cue.OrOp && slices.ContainsFunc(args, func(a cue.Value) bool {
			return a.IncompleteKind()&(cue.ListKind|cue.StructKind) != 0 || incomplete(a)
		}) {
			return true
		}
	}
	return false
}

// written reads a disjunction from its conjuncts and alternatives as they are written. It gives nil if it cannot, because structs
// would have to be unified, which is for CUE to do; then it tells how many combinations of alternatives there may be.
func (w *walker) written(v cue.Value, path string) (alts []*alt, combinations int) {
	conjuncts := w.scope.leaves(v)
	defer w.loosen(v)()
	structs, open, combined := 0, false, []*alt{anything()}
	for _, c := range conjuncts {
		var own []*alt
		if op, args := c.Expr(); op == cue.OrOp {
			for _, a := range args {
				own = append(own, w.alternatives(a, path)...)
			}
			open = open || len(conjuncts) > 1 && slices.ContainsFunc(own, letsAnythingIn)
		} else if len(conjuncts) > 1 {
			own = w.alternatives(c, path)
		} else {
			return nil, 0
		}
		if slices.ContainsFunc(own, func(a *alt) bool { return a.kind == kindObject && !onlyLimits(a.object) }) {
			structs++
		}
		own = distinct(own)
		for _, a := range own {
			a.preferred = false // told by v as a whole
		}
		combined = meetAll(combined, own)
	}
	switch {
	case structs > 1:
		return nil, len(combined)
	case open && structs > 0:
		w.widen(path, "whether a closed struct together with an open alternative takes other fields is left to CUE")
		return []*alt{anything()}, 1
	}
	return combined, len(combined)
}

func letsAnythingIn(a *alt) bool {
	return a.kind == kindAny || a.kind == kindObject && onlyLimits(a.object)
}

// onlyLimits tells that an object has nothing but struct.MinFields or struct.MaxFields.
func onlyLimits(o *object) bool { return len(o.fields) == 0 && o.open && o.values == nil }

// prefer marks the default among alternatives. Scalars need no regard for it, since data picks one of them anyway; structs and
// lists of structs do, since the default may lend them fields that the data leaves out.
func (w *walker) prefer(v cue.Value, alts []*alt, path string) []*alt {
	d, ok := v.Default()
	if !ok || !lends(d) {
		return alts
	}
	var preferred []*alt
	if op, marked := d.Eval().Expr(); op == cue.OrOp {
		for _, m := range marked {
			preferred = append(preferred, w.evaluated(m, path)...)
		}
	} else {
		preferred = w.evaluated(d, path)
	}
	for _, p := range slices.Backward(preferred) {
		if others := without(alts, p); lendsNothing(p, others) {
			alts = others
			continue
		}
		p.preferred = true
		alts = append([]*alt{p}, without(alts, p)...)
	}
	return alts
}

// lends tells that a default may lend something to data that fits it: it is a struct, or a list of structs or lists.
func lends(d cue.Value) bool {
	it, err := d.List()
	if err != nil {
		return d.IncompleteKind()&cue.StructKind != 0
	}
	for it.Next() {
		if it.Value().IncompleteKind()&(cue.StructKind|cue.ListKind) != 0 {
			return true
		}
	}
	return false
}

// lendsNothing tells that all which a default allows is allowed by another alternative that needs nothing from the data.
func lendsNothing(p *alt, alts []*alt) bool {
	return slices.ContainsFunc(alts, func(a *alt) bool { return a.kind == p.kind && complete(a) && contains(a, p) })
}

// contains tells, for objects, that every value of b is a value of a; false if that cannot be told.
func contains(a, b *alt) bool {
	if a.kind != kindObject || b.kind != kindObject || !b.object.closed() || a.object.keys != nil || a.object.min != nil || a.object.max != nil {
		return false
	}
	for _, f := range b.object.fields {
		outer := a.object.values
		if g := a.object.field(f.name); g != nil {
			outer = g.node
		}
		if outer == nil && a.object.open {
			continue
		}
		if outer == nil || fingerprint(&node{alts: meetAll(outer.alts, f.node.alts)}) != fingerprint(f.node) {
			return false
		}
	}
	return true
}

func preferredValue(v cue.Value) bool {
	_, ok := v.Default()
	return ok
}
