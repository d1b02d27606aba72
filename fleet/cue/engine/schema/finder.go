package schema

import (
	"encoding/json"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"
)

// A finder looks for the sites in a struct.
type finder struct {
	w     *walker
	v     cue.Value
	own   []*ast.StructLit
	known map[string]*selector // nil: not one that can be tried
	sites []site
	// affected are the fields that comprehensions may set: they are no selectors, since their values depend on data in turn.
	affected map[string]bool
}

// comprehension notes which fields a comprehension may set.
func (f *finder) comprehension(x *ast.Comprehension) {
	if !f.w.scope.clauses(x) {
		return
	}
	c := &conditions{}
	c.body(x.Value)
	for name := range c.fields {
		f.affected[name] = true
	}
}

func (f *finder) decl(d ast.Decl) {
	switch x := d.(type) {
	case *ast.Comprehension:
		s := site{}
		f.uses(x, &s)
		f.affects(x.Value, &s)
		f.add(s)
	case *ast.Field:
		name, _, err := ast.LabelName(x.Label)
		if err != nil || x.Value == nil || dynamicLabel(x.Label) {
			return
		}
		s := site{affected: []string{name}}
		f.uses(x.Value, &s)
		f.add(s)
	}
}

func (f *finder) add(s site) {
	if len(s.selectors) > 0 {
		f.sites = append(f.sites, s)
	}
}

// affects collects the fields that a comprehension yields.
func (f *finder) affects(e ast.Expr, s *site) {
	c := &conditions{}
	c.body(e)
	if c.all {
		s.all = true
	}
	s.affected = append(s.affected, sortedKeys(c.fields)...)
}

// uses collects the selectors that some syntax refers to, nested structs included.
func (f *finder) uses(n ast.Node, s *site) {
	o := operands{}
	ast.Walk(n, func(n ast.Node) bool {
		o.note(n)
		switch x := n.(type) {
		case *ast.BinaryExpr:
			if ref := presenceTest(x); ref != nil {
				f.use(ref, true, s)
				return false
			}
		case *ast.SelectorExpr:
			if literal, _ := reference(x); literal == nil {
				return true
			}
			if o[x] {
				f.use(x, false, s)
			}
			return false
		case *ast.Ident:
			if o[x] {
				f.use(x, false, s)
			}
		case *ast.Field:
			if _, pattern := x.Label.(*ast.ListLit); !pattern && x.Value != nil { // maps have no cases: see otherFields
				f.uses(x.Value, s)
			}
			return false
		}
		return true
	}, nil)
}

// presenceTest gives the reference that is compared with bottom.
func presenceTest(x *ast.BinaryExpr) ast.Expr {
	if x.Op != token.NEQ && x.Op != token.EQL {
		return nil
	}
	if _, ok := x.Y.(*ast.BottomLit); ok {
		return x.X
	}
	return nil
}

func (f *finder) use(e ast.Expr, presence bool, s *site) {
	literal, path := reference(e)
	if literal == nil || !slices.Contains(f.own, literal) {
		return
	}
	sel := selector{path: path, presence: presence}
	found, seen := f.known[sel.key()]
	if !seen {
		found = f.selector(sel)
		f.known[sel.key()] = found
	}
	if found != nil && !slices.ContainsFunc(s.selectors, func(t selector) bool { return t.key() == found.key() }) {
		s.selectors = append(s.selectors, *found)
	}
}

// reference gives the struct literal and the path that an expression such as a.b.c refers to; nil if it is not such a one.
func reference(e ast.Expr) (literal *ast.StructLit, path []string) {
	switch x := e.(type) {
	case *ast.Ident:
		l, ok := x.Scope.(*ast.StructLit)
		if _, field := x.Node.(ast.Expr); !ok || !field || strings.HasPrefix(x.Name, "#") || strings.HasPrefix(x.Name, "_") {
			return nil, nil
		}
		return l, []string{x.Name}
	case *ast.SelectorExpr:
		name, _, err := ast.LabelName(x.Sel)
		l, path := reference(x.X)
		if err != nil || l == nil {
			return nil, nil
		}
		return l, append(path, name)
	}
	return nil, nil
}

// selector finds the values that a field can have; nil if they are not few or not known.
func (f *finder) selector(s selector) *selector {
	if f.affected[s.path[0]] {
		return nil
	}
	if s.presence {
		return f.presence(s)
	}
	v := f.v
	for i, name := range s.path {
		field := v.LookupPath(cue.MakePath(cue.Str(name)))
		if !field.Exists() || f.w.scope.dependent(field) || i == 0 && !f.declared(field) {
			return nil
		}
		if i < len(s.path)-1 && (field.IncompleteKind() != cue.StructKind || f.w.hasAlternatives(field)) {
			return nil
		}
		v = field
	}
	s.domain = domain(f.w.quietly(func() []*alt { return f.w.evaluated(v, "") }))
	if len(s.domain) == 0 || len(s.domain) > maxDomain {
		return nil
	}
	if v.Validate(cue.Concrete(true)) == nil {
		s.def = defaultOf(v)
	}
	return &s
}

// declared tells that a field is what the struct itself declares, and not narrowed by a comprehension that is in force while the
// definition is read.
func (f *finder) declared(v cue.Value) bool {
	if _, ok := v.Source().(*ast.Field); ok {
		return f.direct(v.Source())
	}
	op, args := v.Expr()
	return op == cue.AndOp && !slices.ContainsFunc(args, func(a cue.Value) bool { return !f.direct(a.Source()) })
}

// direct tells that some syntax belongs to a field that stands directly in the struct.
func (f *finder) direct(n ast.Node) bool {
	if n == nil {
		return false
	}
	for _, l := range f.own {
		for _, d := range l.Elts {
			if _, ok := d.(*ast.Field); ok && n.Pos().Filename() == d.Pos().Filename() &&
				d.Pos().Offset() <= n.Pos().Offset() && n.Pos().Offset() < d.End().Offset() {
				return true
			}
		}
	}
	return false
}

func (f *finder) presence(s selector) *selector {
	if len(s.path) != 1 {
		return nil
	}
	optional := f.v.LookupPath(cue.MakePath(cue.Str(s.path[0]).Optional()))
	if regular := f.v.LookupPath(cue.MakePath(cue.Str(s.path[0]))); regular.Exists() || !optional.Exists() {
		return nil
	}
	sample := f.sample(optional)
	if sample == nil {
		return nil
	}
	s.domain = []json.RawMessage{nil, sample} // absent, present
	return &s
}

// sample gives a value with which CUE takes a field for present: a scalar must be concrete for that.
func (f *finder) sample(v cue.Value) json.RawMessage {
	if v.IncompleteKind()&^(cue.StructKind|cue.ListKind) == 0 {
		return json.RawMessage("_")
	}
	candidates := []json.RawMessage{[]byte("true"), []byte("1"), []byte(`"a"`), []byte(`""`), []byte("0")}
	for _, a := range f.w.quietly(func() []*alt { return f.w.alternatives(v, "") }) {
		candidates = append(candidates, a.enum...)
		for _, b := range []*bound{a.numbers.min, a.numbers.max} {
			if b != nil && isWhole(b.value) {
				candidates = append(candidates, b.value, json.RawMessage(string(b.value)+"+1"), json.RawMessage(string(b.value)+"-1"))
			}
		}
	}
	for _, c := range candidates {
		if u := v.Unify(v.Context().CompileBytes(c)); u.Err() == nil && u.IsConcrete() {
			return c
		}
	}
	return nil
}

// domain gives the values of alternatives that are all enumerations or bool.
func domain(alts []*alt) []json.RawMessage {
	var out []json.RawMessage
	for _, a := range alts {
		switch _, plain := enumeration([]*alt{a}); {
		case plain && a.kind != kindNumber:
			out = union(out, a.enum)
		case fingerprintsEqual(a, &alt{kind: kindBoolean}):
			out = union(out, []json.RawMessage{json.RawMessage("false"), json.RawMessage("true")})
		default:
			return nil
		}
	}
	return out
}
