package module

import (
	"encoding/json"
	"slices"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/token"
)

const (
	inputName    = "input"
	observedName = "observed"
	selfName     = "self"
)

// Reads says which parts of #Render.input.observed a module can depend on, as its source tells: whatever else
// changes of a live object, a render comes out the same.
//
// The source is read and not the value, for a reference can only go through `observed` by name. What names it in a
// way whose end cannot be told, such as a `let` or an index that is computed, reads all of it.
type Reads struct {
	all      bool // this, and all that is in it
	presence bool // whether this is there
	fields   map[string]*Reads
}

// MarshalJSON gives true for all of a value, and otherwise an object with the same for each field that is read. A
// field without a name stands for the value's being there.
func (r *Reads) MarshalJSON() ([]byte, error) {
	if r.all {
		return []byte("true"), nil
	}
	said := make(map[string]any, len(r.fields)+1)
	for name, inner := range r.fields {
		said[name] = inner
	}
	if r.presence {
		said[""] = true
	}
	return json.Marshal(said)
}

func (r *Reads) at(path []string) *Reads {
	for _, name := range path {
		if r.fields == nil {
			r.fields = map[string]*Reads{}
		}
		if r.fields[name] == nil {
			r.fields[name] = &Reads{}
		}
		r = r.fields[name]
	}
	return r
}

func (r *Reads) read(path []string) { r.at(path).all = true }

func (r *Reads) readPresence(path []string) { r.at(path).presence = true }

// reads looks through a package and all that it imports.
func reads(instance *build.Instance) *Reads {
	found := &Reads{}
	for each := range packages(instance) {
		for _, file := range each.Files {
			ast.Walk(file, found.visit, nil)
		}
	}
	return found
}

func (r *Reads) visit(n ast.Node) bool {
	switch x := n.(type) {
	case *ast.Field:
		r.visitField(x)
		return false
	case *ast.BinaryExpr:
		return !r.visitComparison(x)
	case *ast.SelectorExpr, *ast.IndexExpr, *ast.Ident:
		r.visitReference(x.(ast.Expr), r.read)
		return false
	}
	return true
}

// visitComparison takes `x != _|_`, which depends on whether x is there and not on what is in it.
func (r *Reads) visitComparison(x *ast.BinaryExpr) bool {
	if x.Op != token.EQL && x.Op != token.NEQ {
		return false
	}
	if _, ok := x.Y.(*ast.BottomLit); !ok {
		return false
	}
	switch x.X.(type) {
	case *ast.SelectorExpr, *ast.IndexExpr, *ast.Ident:
		r.visitReference(x.X, r.readPresence)
		return true
	}
	return false
}

// visitReference takes a reference such as `input.observed.db.status` as a whole; how says what it does with it.
func (r *Reads) visitReference(x ast.Expr, how func(path []string)) {
	names, rest := r.unwound(x)
	for _, each := range rest {
		ast.Walk(each, r.visit, nil)
	}
	for i, name := range names {
		if name == observedName {
			how(names[i+1:])
			return
		}
	}
	if len(names) == 0 {
		return
	}
	switch names[len(names)-1] {
	case inputName, selfName: // handed on as a whole, observed and all
		r.read(nil)
	}
}

// unwound splits a reference into its names, and the expressions in it that are to be looked at by themselves. Names
// after an index that is computed say nothing of what comes before it, and are left out.
func (r *Reads) unwound(x ast.Expr) (names []string, rest []ast.Expr) {
	switch x := x.(type) {
	case *ast.Ident:
		return []string{x.Name}, nil
	case *ast.SelectorExpr:
		if name := nameOf(x.Sel); name != "" {
			names, rest = r.unwound(x.X)
			return append(names, name), rest
		}
		return nil, []ast.Expr{x.X}
	case *ast.IndexExpr:
		if name := literalName(x.Index); name != "" {
			names, rest = r.unwound(x.X)
			return append(names, name), rest
		}
		return nil, []ast.Expr{x.X, x.Index}
	}
	return nil, []ast.Expr{x}
}

// literalName is the field that an index names which is a string.
func literalName(index ast.Expr) string {
	if text, ok := index.(*ast.BasicLit); ok && text.Kind == token.STRING {
		return nameOf(text)
	}
	return ""
}

func (r *Reads) visitField(x *ast.Field) {
	name := nameOf(x.Label)
	if alias, ok := x.Label.(*ast.Alias); ok {
		if named, ok := alias.Expr.(ast.Label); ok {
			name = nameOf(named)
		}
	}
	if name == "" {
		ast.Walk(x.Label, r.visit, nil)
	}
	if aliased(x) && (name == inputName || name == observedName || declaresObserved(x)) {
		r.read(nil) // what goes by another name cannot be followed
	}
	if name == observedName {
		r.visitDeclaration(x.Value, nil)
	}
	ast.Walk(x.Value, r.visit, nil)
}

func aliased(x *ast.Field) bool {
	_, label := x.Label.(*ast.Alias)
	_, value := x.Value.(*ast.Alias)
	return label || value || x.Alias != nil
}

func declaresObserved(x *ast.Field) bool {
	found := false
	ast.Walk(x, func(n ast.Node) bool {
		if field, ok := n.(*ast.Field); ok {
			found = found || nameOf(field.Label) == observedName
		}
		return !found
	}, nil)
	return found
}

// visitDeclaration takes what a module demands of observed: what is demanded is read. path leads to x.
func (r *Reads) visitDeclaration(x ast.Expr, path []string) {
	if anything(x) {
		return
	}
	object, ok := x.(*ast.StructLit)
	if !ok {
		r.read(path)
		if !selfContained(x) {
			r.read(nil)
		}
		return
	}
	for _, element := range object.Elts {
		switch element := element.(type) {
		case *ast.Ellipsis:
			if element.Type != nil && !anything(element.Type) {
				r.read(path)
			}
		case *ast.Field:
			if name := nameOf(element.Label); name != "" {
				inner := append(path[:len(path):len(path)], name)
				r.readPresence(inner)
				r.visitDeclaration(element.Value, inner)
			} else if !anything(element.Value) {
				r.read(path)
			}
		case *ast.CommentGroup, *ast.Attribute:
		default:
			r.read(nil)
		}
	}
}

// anything says whether x takes every object, as `_` and `{...}` do.
func anything(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name == "_"
	case *ast.StructLit:
		for _, element := range x.Elts {
			ellipsis, ok := element.(*ast.Ellipsis)
			if !ok || ellipsis.Type != nil && !anything(ellipsis.Type) {
				return false
			}
		}
		return len(x.Elts) > 0
	}
	return false
}

// selfContained says whether x refers to nothing but CUE's own types.
func selfContained(x ast.Expr) bool {
	contained := true
	ast.Walk(x, func(n ast.Node) bool {
		if ident, ok := n.(*ast.Ident); ok && !slices.Contains(predeclared, ident.Name) {
			contained = false
		}
		return contained
	}, nil)
	return contained
}
