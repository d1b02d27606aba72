package schema

import (
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
)

// A scope tells which identifiers stand for the data. While a definition is read, such a reference has the value that the
// definition gives (perhaps a default), and not the one that the data will give, so nothing derived from it can be trusted.
//
// An identifier is known by the syntax node that it resolves to (see cuelang.org/go/cue/ast/astutil, Resolve). It stands
// for the data if it names a regular field in a struct literal, unless that literal encloses the whole definition.
// Struct literals that are never unified with data are taken for data too: that costs exactness, never soundness.
type scope struct {
	roots []*ast.StructLit
	pkg   bool // the definition is a whole package
	// fixings are references that stand for constants for now, because the case of one value is being read.
	fixings map[fixing]bool
}

func newScope(v cue.Value) scope {
	_, file := v.Source().(*ast.File)
	return scope{roots: literals(v), pkg: file}
}

// dependent tells that an expression from which v comes mentions the data. Struct literals are not looked into: their
// fields are values of their own. What is embedded in them is looked into.
func (s scope) dependent(v cue.Value) bool {
	r := &reader{scope: s, seen: map[ast.Node]bool{}, operands: operands{}}
	return r.value(v, 0)
}

// mentions tells that some syntax mentions the data.
func (s scope) mentions(n ast.Node) bool {
	r := &reader{scope: s, seen: map[ast.Node]bool{}, operands: operands{}}
	return r.expr(n, true)
}

// A reader looks for references to the data in the expressions that make up one value.
type reader struct {
	scope    scope
	seen     map[ast.Node]bool
	operands operands
}

func (r *reader) value(v cue.Value, depth int) bool {
	op, args := v.Expr()
	if e := expression(v.Source()); e != nil && !(op == cue.NoOp && incomplete(v) && isOtherStruct(v, e)) && r.expr(e, false) {
		return true
	}
	if depth > maxReferences {
		return false
	}
	if op == cue.AndOp || op == cue.OrOp {
		return slices.ContainsFunc(args, func(a cue.Value) bool { return r.value(a, depth+1) })
	}
	return false
}

// isOtherStruct tells that v is a struct although e is none: e is then the source of the error which keeps v incomplete, such as
// the condition of an if.
func isOtherStruct(v cue.Value, e ast.Expr) bool {
	if _, ok := e.(*ast.StructLit); ok {
		return false
	}
	_, err := v.Fields()
	return err == nil
}

// expr walks an expression. With deep set, the fields of struct literals count as well.
func (r *reader) expr(e ast.Node, deep bool) (found bool) {
	ast.Walk(e, func(n ast.Node) bool {
		if found {
			return false
		}
		r.operands.note(n)
		switch x := n.(type) {
		case *ast.StructLit:
			if !deep {
				found = r.embedded(x)
				return false
			}
		case *ast.Field:
			if x.Value != nil {
				found = r.expr(x.Value, deep)
			}
			return false
		case *ast.BinaryExpr:
			if ref := presenceTest(x); ref != nil && r.scope.fixed(ref, true) {
				return false
			}
		case *ast.SelectorExpr: // may pick a field out of a struct literal
			found = !r.fixed(x) && r.expr(x.X, true)
			return false
		case *ast.IndexExpr:
			found = r.expr(x.X, true) || r.expr(x.Index, true)
			return false
		case *ast.Ident:
			found = r.ident(x, deep)
		}
		return !found
	}, nil)
	return found
}

func (r *reader) fixed(e ast.Expr) bool { return r.operands[e] && r.scope.fixed(e, false) }

func (r *reader) embedded(s *ast.StructLit) bool {
	for _, d := range s.Elts {
		if e, ok := d.(*ast.EmbedDecl); ok && r.expr(e.Expr, false) {
			return true
		}
	}
	return false
}

func (r *reader) ident(x *ast.Ident, deep bool) bool {
	if x.Node == nil || !r.scope.inside(x.Scope) || r.fixed(x) {
		return false
	}
	switch target := x.Node.(type) {
	case *ast.LetClause:
		return r.once(target.Expr, deep)
	case *ast.Field, *ast.Alias:
		return true // an alias of a field, a value or a label
	case *ast.Ident:
		switch x.Scope.(type) {
		case *ast.ForClause, *ast.LetClause:
			return false // a variable of a comprehension: what it stands for is walked where it is written
		}
		return r.target(x, target, deep)
	case ast.Expr:
		return r.target(x, target, deep)
	}
	return false
}

func (r *reader) target(x *ast.Ident, target ast.Expr, deep bool) bool {
	if _, label := x.Scope.(*ast.Field); label {
		return true // [Name=string]: the name is data
	}
	if !strings.HasPrefix(x.Name, "#") && !strings.HasPrefix(x.Name, "_") {
		return true
	}
	return r.once(target, deep) // a definition or a hidden field: data cannot set it, but it may be computed from data
}

// once follows a reference; a cycle adds nothing.
func (r *reader) once(e ast.Expr, deep bool) bool {
	if r.seen[e] {
		return false
	}
	r.seen[e] = true
	return r.expr(unalias(e), deep)
}

// inside tells that a scope is not one that encloses the whole definition.
func (s scope) inside(n ast.Node) bool {
	switch x := n.(type) {
	case nil:
		return false
	case *ast.File:
		return s.pkg
	case *ast.StructLit:
		if slices.ContainsFunc(s.roots, func(root *ast.StructLit) bool { return root == x || encloses(root, x) }) {
			return true
		}
		return !slices.ContainsFunc(s.roots, func(root *ast.StructLit) bool { return encloses(x, root) })
	}
	return true
}

// encloses tells that outer is around inner and not inner itself.
func encloses(outer, inner *ast.StructLit) bool {
	if outer == inner || !outer.Lbrace.IsValid() || !inner.Lbrace.IsValid() {
		return false
	}
	return outer.Lbrace.Filename() == inner.Lbrace.Filename() &&
		outer.Lbrace.Offset() < inner.Lbrace.Offset() && inner.Rbrace.Offset() < outer.Rbrace.Offset()
}

// supplies tells that a value which depends on the data may be complete without being given: its default or the value itself
// is computed. Bounds and validators restrict a value but never give one.
func (s scope) supplies(v cue.Value) bool {
	for _, c := range s.leaves(v) {
		if !s.dependent(c) {
			if c.Validate(cue.Concrete(true)) == nil {
				return true
			}
			continue
		}
		switch op, args := c.Expr(); op {
		case cue.LessThanOp, cue.LessThanEqualOp, cue.GreaterThanOp, cue.GreaterThanEqualOp, cue.NotEqualOp,
			cue.RegexMatchOp, cue.NotRegexMatchOp:
			if len(args) == 1 {
				continue
			}
		case cue.CallOp:
			if _, validator := validators[calledName(args)]; validator {
				continue
			}
		}
		return true
	}
	return false
}
