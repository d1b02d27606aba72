package schema

import (
	"maps"
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
)

// A fixing is a reference that stands for a constant while a case is read.
type fixing struct {
	literal *ast.StructLit
	key     string // of the selector
}

// fixed tells that an expression refers to such a constant, or tests the presence of such a field.
func (s scope) fixed(e ast.Expr, presence bool) bool {
	literal, path := reference(e)
	return literal != nil && s.fixings[fixing{literal, selector{path: path, presence: presence}.key()}]
}

// groups reads the parts of a struct that depend on fields with few values.
func (w *walker) groups(v cue.Value, own []*ast.StructLit, path string) (groups []group) {
	for _, p := range w.plans(v, own) {
		if g, ok := w.group(v, own, p, path); ok {
			groups = append(groups, g)
		}
	}
	return groups
}

// group reads a struct once for each combination of values.
func (w *walker) group(v cue.Value, own []*ast.StructLit, p *plan, path string) (g group, ok bool) {
	g.all = p.all
	for _, guards := range p.assignments() {
		filled := v
		for _, x := range guards {
			filled = x.fill(filled)
		}
		if contradictory(filled) {
			if w.undetermined(own, guards) {
				return group{}, false
			}
			continue // no data has this combination
		}
		o, known := w.variant(filled, own, p, guards, path)
		if !known {
			return group{}, false
		}
		if o == nil {
			continue
		}
		g.cases = append(g.cases, variant{guards: guards, object: o})
		for _, f := range o.fields {
			g.names = union(g.names, []string{f.name})
		}
	}
	return g, len(g.cases) > 0
}

// fill gives a struct in which a selector has the value of the guard.
func (x guard) fill(v cue.Value) cue.Value {
	if x.presence && !x.present {
		return v
	}
	return fill(v, string(x.value), x.path...)
}

// variant reads the affected fields of a struct in which some selectors are fixed. It gives nil if that cannot be satisfied; known
// is false if other conditions leave open which fields there are.
func (w *walker) variant(v cue.Value, own []*ast.StructLit, p *plan, guards []guard, path string) (o *object, known bool) {
	defer w.fix(own, guards)()
	remaining := w.outer.and(w.scope.conditions(own))
	if remaining != nil && remaining.all || slices.ContainsFunc(own, w.scope.nested) {
		return nil, false
	}
	it, err := v.Fields(cue.Optional(true), cue.Patterns(true))
	if err != nil || w.undecided(v) {
		return nil, false
	}
	o = &object{open: p.all && w.isOpen(v, own, nil, path)}
	for it.Next() {
		sel := it.Selector()
		if sel.ConstraintType() == cue.PatternConstraint {
			return nil, false
		}
		if !p.all && !slices.Contains(p.affected, sel.Unquoted()) {
			continue
		}
		f := w.field(sel, it.Value(), path, remaining.of(sel.Unquoted()))
		if len(f.node.alts) == 0 {
			if f.required {
				return nil, true
			}
			if !w.takesOthers(v) {
				continue
			}
		}
		f.required = f.required && f.def == nil
		f.def = nil
		o.fields = append(o.fields, f)
	}
	for _, name := range p.affected {
		if remaining.of(name) != nil && o.field(name) == nil {
			sub := join(path, cue.Str(name))
			w.widen(sub, "depends on a condition")
			o.fields = append(o.fields, field{name: name, node: &node{path: sub, alts: []*alt{anything()}}})
		}
	}
	return o, true
}

// undetermined tells that more than some guards decides what a struct is, so that it may contradict itself for defaults alone.
func (w *walker) undetermined(own []*ast.StructLit, guards []guard) bool {
	defer w.fix(own, guards)()
	return slices.ContainsFunc(own, func(l *ast.StructLit) bool { return w.scope.mentions(l) })
}

// fix makes selectors constants until restore is called.
func (w *walker) fix(own []*ast.StructLit, guards []guard) (restore func()) {
	before := w.scope.fixings
	now := maps.Clone(before)
	if now == nil {
		now = map[fixing]bool{}
	}
	for _, l := range own {
		for _, g := range guards {
			now[fixing{l, g.key()}] = true
		}
	}
	w.scope.fixings = now
	return func() { w.scope.fixings = before }
}

// quietly reads something of which only the result matters: no issue is recorded. What is not exactly known gives nothing.
func (w *walker) quietly(read func() []*alt) []*alt {
	issues, widened, seen, impossible := w.issues, w.widened, w.seen, w.impossible
	w.seen = map[Issue]bool{}
	defer func() { w.issues, w.widened, w.seen, w.impossible = issues, widened, seen, impossible }()
	out := read()
	if w.widened != widened {
		return nil
	}
	return out
}

// grouped tells that a field is read by cases.
func (o *object) grouped(name string) bool {
	return slices.ContainsFunc(o.groups, func(g group) bool { return slices.Contains(g.names, name) })
}

// addGroups gives an object the fields of its groups: each lets in what it does in any case.
func (w *walker) addGroups(o *object, path string) {
	for _, g := range o.groups {
		if g.all {
			open := func(c variant) bool { return c.object.open }
			o.open = slices.ContainsFunc(g.cases, open)
			if o.open && slices.ContainsFunc(g.cases, func(c variant) bool { return !open(c) }) {
				w.widen(path, "whether other fields are allowed depends on a condition")
			}
		}
		var objects []*object
		for _, c := range g.cases {
			c.object.open = c.object.open || !g.all && !o.closed()
			objects = append(objects, c.object)
		}
		for _, name := range g.names {
			o.fields = append(o.fields, mergeField(objects, name))
		}
	}
}

// requiresFields tells that something must be given in the case that holds when nothing is.
func (g group) requiresFields() bool {
	return slices.ContainsFunc(g.cases, func(c variant) bool {
		return !slices.ContainsFunc(c.guards, func(x guard) bool { return !x.initial() }) &&
			slices.ContainsFunc(c.object.fields, func(f field) bool { return f.required })
	})
}

// initial tells that a selector has its value when it is left out.
func (x guard) initial() bool {
	if x.presence {
		return !x.present
	}
	return x.def != nil && string(x.def) == string(x.value)
}
