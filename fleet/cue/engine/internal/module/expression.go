package module

import (
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/token"
)

// ExpressionAt is the text of the longest chain of selectors and indexes around pos in the root package, with
// `let` names replaced by what they stand for: `input.observed.db.status.host`. It is empty where there is none.
func (m *Module) ExpressionAt(pos token.Pos) string {
	file, chain := m.chain(pos)
	if chain == nil {
		return ""
	}
	text, err := format.Node(resolveLets(chain, letsOf(file), 0))
	if err != nil {
		return ""
	}
	return string(text)
}

// chain is the file of the root package that pos is in, and the chain there.
func (m *Module) chain(pos token.Pos) (*ast.File, ast.Expr) {
	for _, file := range m.Sources {
		if pos.IsValid() && file.Filename == pos.Filename() {
			return file, chainAt(file, pos.Offset())
		}
	}
	return nil, nil
}

func chainAt(file *ast.File, offset int) ast.Expr {
	var found ast.Expr
	ast.Walk(file, func(n ast.Node) bool {
		if found != nil {
			return false
		}
		switch x := n.(type) {
		case *ast.SelectorExpr, *ast.IndexExpr:
			if covers(x, offset) {
				found = x.(ast.Expr)
				return false
			}
		}
		return true
	}, nil)
	return found
}

func covers(n ast.Node, offset int) bool {
	return n.Pos().IsValid() && n.End().IsValid() && n.Pos().Offset() <= offset && offset < n.End().Offset()
}

func letsOf(file *ast.File) map[string]ast.Expr {
	lets := map[string]ast.Expr{}
	ast.Walk(file, func(n ast.Node) bool {
		if let, ok := n.(*ast.LetClause); ok {
			lets[let.Ident.Name] = let.Expr
		}
		return true
	}, nil)
	return lets
}

func resolveLets(x ast.Expr, lets map[string]ast.Expr, depth int) ast.Expr {
	const mostLets = 16
	switch x := x.(type) {
	case *ast.SelectorExpr:
		return &ast.SelectorExpr{X: resolveLets(x.X, lets, depth), Sel: x.Sel}
	case *ast.IndexExpr:
		return &ast.IndexExpr{X: resolveLets(x.X, lets, depth), Index: x.Index}
	case *ast.Ident:
		if expr, ok := lets[x.Name]; ok && depth < mostLets {
			return resolveLets(expr, lets, depth+1)
		}
	}
	return x
}
