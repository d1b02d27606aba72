package module

import (
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"

	"pequod.io/fleet/engine/internal/problem"
)

// given are the parts of #Render.input that are the same in every render of an instance as it is now.
var given = []string{"metadata", "spec", "cluster"}

// predeclared are the names of CUE that a constant may use.
var predeclared = []string{
	"_", "bool", "bytes", "close", "div", "float", "int", "len", "mod", "null", "number", "quo", "rem", "string",
	"int8", "int16", "int32", "int64", "int128", "uint", "uint8", "uint16", "uint32", "uint64", "uint128", "float32", "float64",
}

// Settled says whether the reference that CUE could not resolve will never be resolved for this instance, whatever
// will be observed. It is a proof from the module's text, of two things:
//
//   - the reference is fixed: it leads to constants and to what is given, and to nothing that is observed;
//   - it is certain: nothing observed decides whether the reference counts, such as a condition around it or
//     around what uses it, or a disjunction which may drop it.
//
// What this does not understand is not settled. To call a value settled that only waits would keep the nodes before it
// from being applied, so that it would never be seen.
func (m *Module) Settled(err errors.Error) bool {
	p := &proof{names: m.names(), fixes: map[fixing]bool{}, climbs: map[ast.Node]bool{}}
	found := false
	for i, pos := range errors.Positions(err) {
		if pos.Filename() == problem.InputFile || pos.Filename() == problem.ContractFile {
			continue
		}
		file, chain := m.chain(pos)
		switch {
		case file == nil: // in a package that is imported, for which a parameter may be observed
			return false
		case chain != nil:
			p.failing = chain
			if !p.fixed(chain, false) || !p.certain(chain) {
				return false
			}
			found = true
		case i == 0 && !strings.Contains(err.Error(), interpolation): // of which the position is the string's
			return false
		}
	}
	return found
}

const interpolation = "invalid interpolation"

// proof remembers what it has looked at: whatever fails, fails the whole of it.
type proof struct {
	*names
	failing ast.Node // the reference that was not resolved
	fixes   map[fixing]bool
	climbs  map[ast.Node]bool
}

type fixing struct {
	node ast.Node
	own  bool
}

// fixed says whether nothing in x can be observed. Of x that is a declaration's own value, the fields that it refers
// to within itself are its own too.
func (p *proof) fixed(x ast.Node, own bool) bool {
	if p.fixes[fixing{x, own}] {
		return true
	}
	p.fixes[fixing{x, own}] = true
	ok := true
	ast.Walk(x, func(node ast.Node) bool {
		if name, is := node.(*ast.Ident); is && p.refers(name) {
			var within ast.Node
			if own {
				within = x
			}
			ok = ok && p.fixedName(name, within)
		}
		return ok
	}, nil)
	return ok
}

func (p *proof) fixedName(x *ast.Ident, within ast.Node) bool {
	declarations := p.declared[x.Name]
	switch {
	case isImport(x):
		return true // a package cannot refer to the one that imports it
	case x.Name == "#Render":
		return false
	case x.Name == "input":
		return p.isGiven(x)
	case len(declarations) == 0:
		return slices.Contains(predeclared, x.Name)
	case p.mayBeData(x.Name):
		return within != nil && p.declaredWithin(x, within)
	}
	for _, declaration := range declarations {
		if !p.certain(declaration) {
			return false
		}
		var value ast.Node
		switch d := declaration.(type) {
		case *ast.Field:
			value = d.Value
		case *ast.LetClause:
			value = d.Expr
		case *ast.ForClause:
			value = d.Source
		}
		if !p.fixed(value, true) {
			return false
		}
	}
	return true
}

// mayBeData says whether a field of that name may have come out of an observed object that something was unified
// with. Such objects are JSON: they have no hidden fields and no definitions. Nor are they put into a package whose
// files have fields under fixed names only.
func (p *proof) mayBeData(name string) bool {
	if strings.HasPrefix(name, "_") || strings.HasPrefix(name, "#") {
		return false
	}
	return slices.ContainsFunc(p.declared[name], func(declaration ast.Node) bool {
		if _, ok := declaration.(*ast.Field); !ok {
			return false
		}
		file, ok := p.parents[declaration].(*ast.File)
		return !ok || p.mixed[file]
	})
}

func (p *proof) declaredWithin(x *ast.Ident, within ast.Node) bool {
	for node := ast.Node(x); node != within && node != nil; {
		node = p.parents[node]
		if literal, ok := node.(*ast.StructLit); ok && slices.ContainsFunc(literal.Elts, func(decl ast.Decl) bool {
			field, ok := decl.(*ast.Field)
			return ok && label(field) == x.Name
		}) {
			return true
		}
	}
	return false
}

// isGiven says whether a reference to `input` is to one of its given parts, and these are declared by nothing that is
// observed.
func (p *proof) isGiven(x *ast.Ident) bool {
	selected, ok := p.parents[x].(*ast.SelectorExpr)
	if !ok || !slices.Contains(given, nameOf(selected.Sel)) {
		return false
	}
	for _, declaration := range p.declared["input"] {
		if !p.isRenderInput(declaration) {
			return false
		}
		field := declaration.(*ast.Field)
		if name, ok := field.Value.(*ast.Ident); ok && name.Name == "_" {
			continue
		}
		parts, ok := field.Value.(*ast.StructLit)
		if !ok {
			return false
		}
		for _, decl := range parts.Elts {
			if rest, ok := decl.(*ast.Ellipsis); ok && rest.Type == nil {
				continue
			}
			part, ok := decl.(*ast.Field)
			if !ok || label(part) == "" || slices.Contains(given, label(part)) && !p.fixed(part.Value, true) {
				return false
			}
		}
	}
	return true
}

// isRenderInput says whether a declaration of `input` is the one in #Render, at the top of a file.
func (p *proof) isRenderInput(declaration ast.Node) bool {
	field, ok := declaration.(*ast.Field)
	if !ok {
		return false
	}
	literal, ok := p.parents[field].(*ast.StructLit)
	if !ok {
		return false
	}
	render, ok := p.parents[literal].(*ast.Field)
	if !ok || label(render) != "#Render" {
		return false
	}
	_, ok = p.parents[render].(*ast.File)
	return ok
}

// certain says whether nothing observed decides that x counts: not what is around it, and not what is around any use
// of what it is part of.
func (p *proof) certain(x ast.Node) bool {
	for child := x; ; {
		if p.climbs[child] {
			return true
		}
		p.climbs[child] = true
		parent := p.parents[child]
		if _, top := parent.(*ast.File); top {
			return true
		}
		if !p.passesOn(parent, child) {
			return false
		}
		child = parent
	}
}

// passesOn says whether what is missing in child is missing in parent too, whatever is observed.
func (p *proof) passesOn(parent, child ast.Node) bool {
	switch x := parent.(type) {
	case *ast.StructLit, *ast.ListLit, *ast.EmbedDecl, *ast.ParenExpr, *ast.Interpolation, *ast.SelectorExpr, *ast.IfClause:
		return true
	case *ast.Field:
		return label(x) != "" && !optional(x) && x.Value == child && p.usesAreCertain(label(x))
	case *ast.LetClause:
		return p.usesAreCertain(x.Ident.Name)
	case *ast.ForClause:
		return child == p.failing && plain(x.Source) || p.usesAreCertain(bound(x)...)
	case *ast.Comprehension:
		return x.Fallback == nil && !slices.ContainsFunc(x.Clauses, func(clause ast.Clause) bool { return !p.fixedClause(clause) })
	case *ast.BinaryExpr:
		return x.Op == token.AND || x.Op != token.OR && p.fixed(x, false)
	case *ast.UnaryExpr:
		return x.Op != token.MUL && p.fixed(x, false)
	case *ast.IndexExpr:
		return p.fixed(x, false)
	case *ast.CallExpr: // of a package: `or` and `matchN` drop what fails
		function, ok := x.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		head, ok := function.X.(*ast.Ident)
		return ok && isImport(head) && p.fixed(x, false)
	}
	return false
}

// plain says whether a reference begins with a name, so that it fails itself, and not a part of what it selects from.
func plain(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return true
	case *ast.SelectorExpr:
		return plain(x.X)
	case *ast.IndexExpr:
		return plain(x.X)
	}
	return false
}

func (p *proof) fixedClause(clause ast.Clause) bool {
	switch x := clause.(type) {
	case *ast.IfClause:
		return p.fixed(x.Condition, false)
	case *ast.ForClause:
		return p.fixed(x.Source, false)
	case *ast.LetClause:
		return p.fixed(x.Expr, false)
	}
	return false
}

func (p *proof) usesAreCertain(names ...string) bool {
	for _, name := range names {
		for _, use := range p.used[name] {
			if !p.certain(use) {
				return false
			}
		}
	}
	return true
}
