package schema

import (
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
)

// maxReferences bounds how many references are followed from one value; a definition chain is rarely longer than three.
const maxReferences = 16

// leaves splits a value into its conjuncts as they were written, following references to other definitions, but none to data.
func (s scope) leaves(v cue.Value) []cue.Value {
	var out []cue.Value
	s.split(v, 0, func(c cue.Value) { out = append(out, c) })
	return out
}

func (s scope) split(v cue.Value, depth int, yield func(cue.Value)) {
	op, args := v.Expr()
	switch {
	case depth > maxReferences:
		yield(v)
	case op == cue.AndOp:
		for _, a := range args {
			s.split(a, depth+1, yield)
		}
	case op == cue.SelectorOp || op == cue.IndexOp:
		if d, ok := dereference(v); ok && !s.dependent(v) {
			s.split(d, depth+1, yield)
			return
		}
		yield(v)
	default:
		yield(v)
	}
}

// dereference follows a reference one step.
func dereference(v cue.Value) (cue.Value, bool) {
	d := cue.Dereference(v)
	return d, d != v && d.Exists()
}

// conjuncts reads a value of which some conjunct depends on the data: that one is widened to the kinds it can have,
// the others are read exactly.
func (w *walker) conjuncts(v cue.Value, path string) []*alt {
	conjuncts := w.scope.leaves(v)
	defer w.loosen(v)()
	alts, unknown := []*alt{anything()}, false
	for _, c := range conjuncts {
		before := w.widened
		own := w.conjunct(c, path)
		unknown = unknown || w.widened > before && len(own) == 1 && own[0].kind == kindAny
		alts = meetAll(alts, own)
	}
	if unknown && slices.ContainsFunc(alts, composite) {
		return []*alt{anything()} // what is not known may add fields that the rest, taken alone, does not allow
	}
	return alts
}

func (w *walker) conjunct(v cue.Value, path string) []*alt {
	if w.scope.dependent(v) {
		w.widen(path, "depends on other fields")
		return w.possibleKinds(v)
	}
	if incomplete(v) {
		if isStruct(v) {
			return w.structs(v, path)
		}
		switch op, _ := v.Expr(); op {
		case cue.NoOp, cue.OrOp, cue.SelectorOp, cue.IndexOp:
			w.widen(path, "is not known before the module is given data")
			return []*alt{anything()}
		}
		return w.constraint(v, path)
	}
	return w.evaluated(v, path)
}

// possibleKinds gives the kinds that an expression can have whatever the data is.
func (w *walker) possibleKinds(v cue.Value) []*alt {
	ks := []kind{kindAny}
	if e := expression(v.Source()); e != nil {
		ks = w.scope.kinds(e, 0)
	}
	var alts []*alt
	for _, k := range ks {
		if k == kindArray || k == kindObject {
			return []*alt{anything()}
		}
		alts = append(alts, &alt{kind: k})
	}
	return alts
}

// expression gives the expression that a source node stands for.
func expression(n ast.Node) ast.Expr {
	switch x := n.(type) {
	case *ast.Field:
		return unalias(x.Value)
	case *ast.EmbedDecl:
		return unalias(x.Expr)
	case ast.Expr:
		return unalias(x)
	}
	return nil
}

func unalias(e ast.Expr) ast.Expr {
	if a, ok := e.(*ast.Alias); ok {
		return a.Expr
	}
	return e
}

// literals gives the struct literals that are unified into a value, embedded and alternative ones included.
func literals(v cue.Value) []*ast.StructLit {
	return collectLiterals(v, true)
}

// sharedLiterals gives those that hold for every alternative.
func sharedLiterals(v cue.Value) []*ast.StructLit {
	return collectLiterals(v, false)
}

func collectLiterals(v cue.Value, alternatives bool) []*ast.StructLit {
	var out []*ast.StructLit
	walkLiterals(v, alternatives, 0, func(l *ast.StructLit) {
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	})
	return out
}

func walkLiterals(v cue.Value, alternatives bool, depth int, yield func(*ast.StructLit)) {
	if depth > maxReferences {
		return
	}
	if l, ok := expression(v.Source()).(*ast.StructLit); ok {
		yield(l)
	}
	op, args := v.Expr()
	switch op {
	case cue.OrOp:
		if !alternatives {
			return
		}
	case cue.SelectorOp, cue.IndexOp:
		if d, ok := dereference(v); ok {
			walkLiterals(d, alternatives, depth+1, yield)
		}
		return
	case cue.CallOp: // close(#A)
		args = args[1:]
	case cue.AndOp:
	case cue.NoOp:
		if len(args) != 1 || args[0] == v {
			return
		}
	default:
		return
	}
	for _, a := range args {
		walkLiterals(a, alternatives, depth+1, yield)
	}
}

// isStruct tells that a value is a struct although its kind is not known yet, because of a condition in it.
func isStruct(v cue.Value) bool {
	_, err := v.Fields(cue.Optional(true))
	return err == nil && len(literals(v)) > 0
}
