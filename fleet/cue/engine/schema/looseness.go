package schema

import (
	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
)

// A looseness tells of a closed definition that what is read is not closed by it after all. CUE (v0.17) forgets to close the elements of a
// list that is unified with a validator, such as list.MaxItems, or with _, and all that is unified with !=null. What a reference to a
// definition leads to is closed by that again, unless the same happens there.
type looseness struct {
	now   bool // structs that are read now are open
	lists bool // elements will be, should the value be a list
}

// loosen notes the looseness of a value until restore is called.
func (w *walker) loosen(v cue.Value) (restore func()) {
	before := w.loose
	switch lists, all := w.forgets(v, 0); {
	case all:
		w.loose = looseness{now: true, lists: true}
	case lists:
		w.loose.lists = true
	case closedByReference(v, 0):
		w.loose = looseness{}
	}
	return func() { w.loose = before }
}

// forgets tells whether CUE forgets to close the lists that a value is made of, or all.
func (w *walker) forgets(v cue.Value, depth int) (lists, all bool) {
	_, literal := expression(v.Source()).(*ast.StructLit)
	if literal || depth > maxReferences {
		return false, false
	}
	op, args := v.Expr()
	switch {
	case op == cue.SelectorOp || op == cue.IndexOp:
		if d, ok := dereference(v); ok {
			return w.forgets(d, depth+1)
		}
	case op == cue.NoOp && len(args) == 1 && args[0] != v:
		return w.forgets(args[0], depth+1)
	case op == cue.AndOp:
		return w.conjunctionForgets(flat(args), depth)
	}
	return false, false
}

func (w *walker) conjunctionForgets(conjuncts []cue.Value, depth int) (lists, all bool) {
	direct := false
	for _, c := range conjuncts {
		switch op, _ := c.Expr(); {
		case op == cue.NotEqualOp:
			all = true
		case c.IncompleteKind() == cue.TopKind, w.validatesList(c):
			lists = true
		case !closedByReference(c, 0):
			direct = true
		}
	}
	lists, all = (lists || all) && direct, all && direct
	for _, c := range conjuncts {
		l, a := w.forgets(c, depth+1)
		lists, all = lists || l, all || a
	}
	return lists, all
}

func (w *walker) validatesList(c cue.Value) bool {
	_, ok := w.validatorCall(c)
	return ok && c.IncompleteKind() == cue.ListKind
}

// flat gives the conjuncts of conjunctions within a conjunction.
func flat(conjuncts []cue.Value) []cue.Value {
	var out []cue.Value
	for _, c := range conjuncts {
		_, literal := expression(c.Source()).(*ast.StructLit)
		if op, args := c.Expr(); op == cue.AndOp && !literal {
			out = append(out, flat(args)...)
		} else {
			out = append(out, c)
		}
	}
	return out
}
