package schema

import (
	"bytes"
	"encoding/json"
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
)

// structs reads a struct. It has no alternative if one of its required fields can have no value.
func (w *walker) structs(v cue.Value, path string) []*alt {
	it, err := v.Fields(cue.Optional(true), cue.Patterns(true))
	if err != nil || w.undecided(v) {
		w.widen(path, "fields are not known before the module is given data")
		return []*alt{{kind: kindObject, object: &object{open: true}}}
	}
	own, whole := w.literalsOf(v)
	defer w.loosen(v)()
	conditions := w.outer.and(w.scope.conditions(own))
	m := membersOf(it)
	o := &object{vague: m.vague(own, conditions)}
	if len(m.patterns) == 0 && whole && !w.caseless {
		o.groups = w.groups(v, own, path)
	}
	if !w.fields(o, v, m, conditions, path) {
		return nil
	}
	w.patterns(o, m.patterns, path)
	w.conditional(o, path, conditions)
	if w.isOpen(v, own, m.patterns, path) {
		w.openObject(o, path)
	}
	w.addGroups(o, path)
	return meetAll([]*alt{{kind: kindObject, object: o}}, w.calls(v, path))
}

// members are what a struct shows: named fields with their values, and patterns.
type members struct {
	named    []cue.Selector
	values   []cue.Value
	patterns []pattern
}

func membersOf(it *cue.Iterator) (m members) {
	for it.Next() {
		if sel := it.Selector(); sel.ConstraintType() == cue.PatternConstraint {
			m.patterns = append(m.patterns, pattern{names: sel.Pattern(), values: it.Value()})
		} else {
			m.named, m.values = append(m.named, sel), append(m.values, it.Value())
		}
	}
	return m
}

// vague tells that a struct has nothing but optional fields and what conditions add.
func (m members) vague(own []*ast.StructLit, c *conditions) bool {
	return slices.ContainsFunc(own, hasComprehension) && !slices.ContainsFunc(m.named, func(sel cue.Selector) bool {
		return sel.ConstraintType() != cue.OptionalConstraint && c.of(sel.Unquoted()) == nil
	})
}

// fields reads the named fields, as far as they are not read by cases. It is false if a required one can have no value.
func (w *walker) fields(o *object, v cue.Value, m members, c *conditions, path string) (possible bool) {
	for i, sel := range m.named {
		if o.grouped(sel.Unquoted()) {
			continue
		}
		f := w.field(sel, m.values[i], path, c.of(sel.Unquoted()))
		if w.doubtful(v, sel.Unquoted(), f.node.path) {
			f.def = nil
		}
		if len(f.node.alts) == 0 {
			if f.required || f.def != nil {
				return false
			}
			if !w.takesOthers(v) {
				continue // the API server prunes what is not named
			}
		}
		o.fields = append(o.fields, f)
	}
	return true
}

// literalsOf gives the literals of a struct. An alternative that has been evaluated may not show all of them, and the conditions in
// the others are not there to be evaluated again; then whole is false.
func (w *walker) literalsOf(v cue.Value) (own []*ast.StructLit, whole bool) {
	own = literals(v)
	if len(own) == 0 {
		return w.own, false
	}
	whole = true
	for _, l := range w.shared {
		if !slices.Contains(own, l) {
			own, whole = append(own, l), false
		}
	}
	return own, whole
}

// undecided tells that a struct has alternatives in it, which its fields do not show.
func (w *walker) undecided(v cue.Value) bool {
	op, args := v.Eval().Expr()
	return op == cue.OrOp && len(args) > 1 || incomplete(v) && w.hasAlternatives(v)
}

// field reads a field. A default is given only for a regular field whose value is then complete whatever the data is; a field
// is required if it is marked so (!) or if it is regular and not complete without data.
func (w *walker) field(sel cue.Selector, v cue.Value, path string, c *conditions) field {
	f := field{name: sel.Unquoted()}
	p := join(path, sel)
	if c != nil && (c.self || c.any() && v.IncompleteKind() != cue.StructKind && !isStruct(v)) {
		w.widen(p, "depends on a condition")
		f.node = &node{path: p, doc: doc(v), alts: []*alt{anything()}}
		return f
	}
	w.inherited = c
	f.node = w.node(v, p)
	w.inherited = nil
	switch sel.ConstraintType() {
	case cue.OptionalConstraint:
		return f
	case cue.RequiredConstraint:
		f.required = !c.any()
		return f
	}
	switch {
	case w.scope.dependent(v):
		f.required = !w.scope.supplies(v)
	case c.any():
		f.required = len(f.node.alts) == 1 && requiresFields(f.node.alts[0]) && !f.node.anyKind()
	case v.Validate(cue.Concrete(true)) == nil:
		f.def = defaultOf(v)
		if n := v.Source(); !f.node.exact && n != nil && string(f.def) != "{}" && w.scope.mentions(n) {
			f.def = nil // computed from data
		}
	default:
		f.required = !omittable(f.node)
	}
	return f
}

// omittable tells that a value is complete when it is left out, although the definition alone does not show it, because what
// is missing in it is computed from data. Of a disjunction only the default can be taken then.
func omittable(n *node) bool {
	if n.exact {
		return false
	}
	alts := n.alts
	if slices.ContainsFunc(alts, func(a *alt) bool { return a.preferred }) {
		alts = slices.DeleteFunc(slices.Clone(alts), func(a *alt) bool { return !a.preferred })
	}
	return n.anyKind() || len(alts) == 1 && !requiresFields(alts[0])
}

// requiresFields tells that an alternative is incomplete when it is left out.
func requiresFields(a *alt) bool {
	return a.kind != kindObject || slices.ContainsFunc(a.object.fields, func(f field) bool { return f.required }) ||
		slices.ContainsFunc(a.object.groups, group.requiresFields)
}

// defaultOf gives the default of a complete value as JSON. One with a null in it is left to CUE, since the API server takes
// null for absence in most places.
func defaultOf(v cue.Value) json.RawMessage {
	b, err := v.MarshalJSON()
	if err != nil || bytes.Contains(b, []byte("null")) {
		return nil
	}
	return plainIntegers(b)
}

// conditional adds the fields that only a comprehension mentions, without constraints.
func (w *walker) conditional(o *object, path string, c *conditions) {
	if c == nil {
		return
	}
	if c.all && !slices.ContainsFunc(o.groups, func(g group) bool { return g.all }) {
		w.widen(path, "fields that depend on a condition or have a computed name")
		o.open = true
		return
	}
	for _, name := range sortedKeys(c.fields) {
		if o.field(name) == nil && !o.grouped(name) {
			p := join(path, cue.Str(name))
			w.widen(p, "depends on a condition")
			o.fields = append(o.fields, field{name: name, node: &node{path: p, alts: []*alt{anything()}}})
		}
	}
}

// openObject lets other fields in, which a map has no room for if its keys are restricted.
func (w *walker) openObject(o *object, path string) {
	if o.values != nil && o.keys == nil {
		return // [string]: T covers all names
	}
	if o.values != nil {
		w.widen(path, "values under the names of a pattern are checked by CUE only, since other names are allowed too")
		o.values, o.keys = nil, nil
	}
	o.open = true
}

// A pattern is a pattern constraint: [names]: values.
type pattern struct{ names, values cue.Value }

// patterns reads pattern constraints. A structural schema has one for all names; a regular expression becomes a rule.
func (w *walker) patterns(o *object, ps []pattern, path string) {
	if len(ps) == 0 {
		return
	}
	if len(ps) > 1 {
		w.widen(path, "several pattern constraints on field names are checked by CUE only")
		o.open = true
		return
	}
	o.values = w.node(ps[0].values, path+"[*]")
	names := w.evaluated(ps[0].names, path+"[*]")
	if len(names) != 1 || names[0].kind != kindAny && !fingerprintsEqual(names[0], &alt{kind: kindString}) {
		o.keys = names
	}
}

func fingerprintsEqual(a, b *alt) bool { return altFingerprint(a) == altFingerprint(b) }
