package schema

import (
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"
)

// operands are the expressions of which CUE needs the concrete value, and so takes the default if there is one: conditions, what is
// computed with, interpolated or looked up. A reference on its own (b: a) stands for all values that a may have instead.
type operands map[ast.Node]bool

// note marks the operands of a node, before they are walked.
func (o operands) note(n ast.Node) {
	switch x := n.(type) {
	case *ast.IfClause:
		o.add(x.Condition)
	case *ast.Interpolation:
		o.add(x.Elts...)
	case *ast.IndexExpr:
		o.add(x.Index)
	case *ast.UnaryExpr:
		if x.Op != token.MUL { // not a mark of a default
			o.add(x.X)
		}
	case *ast.BinaryExpr:
		if x.Op != token.AND && x.Op != token.OR {
			o.add(x.X, x.Y)
		}
	case *ast.CallExpr:
		if _, ok := x.Fun.(*ast.SelectorExpr); ok { // of a package
			o.add(x.Args...)
		}
	}
}

func (o operands) add(es ...ast.Expr) {
	for _, e := range es {
		for {
			p, ok := e.(*ast.ParenExpr)
			if !ok {
				break
			}
			e = p.X
		}
		if e != nil {
			o[e] = true
		}
	}
}
