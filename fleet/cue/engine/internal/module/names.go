package module

import (
	"slices"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/token"
)

// names is the text of a module and of the packages that it imports, by the names in it. Names are told apart by
// their spelling alone: what one may mean anywhere, it is taken to mean everywhere.
type names struct {
	parents  map[ast.Node]ast.Node
	declared map[string][]ast.Node // fields with that label, and lets and loops that bind the name
	used     map[string][]ast.Node // references that begin with it
	mixed    map[*ast.File]bool    // files of packages that have more at their top than fields under fixed names
}

func namesOf(root *build.Instance) *names {
	n := &names{
		parents:  map[ast.Node]ast.Node{},
		declared: map[string][]ast.Node{},
		used:     map[string][]ast.Node{},
		mixed:    map[*ast.File]bool{},
	}
	for each := range packages(root) {
		mixed := slices.ContainsFunc(each.Files, hasMore)
		for _, file := range each.Files {
			n.addFile(file)
			n.mixed[file] = mixed
		}
	}
	return n
}

func (n *names) addFile(file *ast.File) {
	var above []ast.Node
	ast.Walk(file, func(node ast.Node) bool {
		if len(above) > 0 {
			n.parents[node] = above[len(above)-1]
		}
		n.note(node)
		above = append(above, node)
		return true
	}, func(ast.Node) { above = above[:len(above)-1] })
}

// hasMore says whether a file puts more into its package than fields under fixed names.
func hasMore(file *ast.File) bool {
	return slices.ContainsFunc(file.Decls, func(decl ast.Decl) bool {
		switch x := decl.(type) {
		case *ast.EmbedDecl, *ast.Comprehension:
			return true
		case *ast.Field:
			return label(x) == ""
		}
		return false
	})
}

func (n *names) note(node ast.Node) {
	declare := func(name string) { n.declared[name] = append(n.declared[name], node) }
	switch x := node.(type) {
	case *ast.Field:
		if name := label(x); name != "" {
			declare(name)
		}
	case *ast.LetClause:
		declare(x.Ident.Name)
	case *ast.ForClause:
		for _, name := range bound(x) {
			declare(name)
		}
	case *ast.Ident:
		if n.refers(x) {
			n.used[x.Name] = append(n.used[x.Name], x)
		}
	case *ast.SelectorExpr:
		if head, ok := x.X.(*ast.Ident); ok && isImport(head) {
			if name := nameOf(x.Sel); name != "" {
				n.used[name] = append(n.used[name], x)
			}
		}
	}
}

// refers says whether an identifier is a reference, and not the name of what is declared or selected.
func (n *names) refers(x *ast.Ident) bool {
	switch parent := n.parents[x].(type) {
	case *ast.Field:
		return parent.Label != ast.Label(x)
	case *ast.SelectorExpr:
		return parent.X == ast.Expr(x)
	case *ast.LetClause:
		return parent.Ident != x
	case *ast.ForClause:
		return parent.Source == ast.Expr(x)
	case *ast.Package, *ast.ImportSpec:
		return false
	}
	return true
}

// label is the fixed name of a field; empty where it has none, or another one beside it.
func label(field *ast.Field) string {
	if field.Alias != nil {
		return ""
	}
	if _, ok := field.Label.(*ast.Alias); ok {
		return ""
	}
	return nameOf(field.Label)
}

// nameOf is the fixed name that a label says; empty where it is none.
func nameOf(l ast.Label) string {
	name, _, err := ast.LabelName(l)
	if err != nil {
		return ""
	}
	return name
}

func bound(loop *ast.ForClause) []string {
	var all []string
	for _, each := range []*ast.Ident{loop.Key, loop.Value} {
		if each != nil {
			all = append(all, each.Name)
		}
	}
	return all
}

func isImport(x *ast.Ident) bool {
	_, ok := x.Node.(*ast.ImportSpec)
	return ok
}

// optional fields are there only if something else says so.
func optional(field *ast.Field) bool { return field.Constraint != token.ILLEGAL }
