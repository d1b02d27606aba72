package schema

import (
	"bytes"
	"encoding/json"
	"slices"

	"cuelang.org/go/cue"
)

// structs reads a struct. It has no alternative if one of its required fields can have no value.
func (w *walker) structs(v cue.Value, path string) []*alt {
	o := &object{}
	it, err := v.Fields(cue.Optional(true), cue.Patterns(true))
	if err != nil {
		w.widen(path, "fields are not known before the module is given data")
		return []*alt{{kind: kindObject, object: &object{open: true}}}
	}
	conditions := w.conditions
	var patterns []pattern
	for it.Next() {
		sel := it.Selector()
		if sel.ConstraintType() == cue.PatternConstraint {
			patterns = append(patterns, pattern{names: sel.Pattern(), values: it.Value()})
			continue
		}
		f := w.field(sel, it.Value(), path, conditions.of(sel.Unquoted()))
		if len(f.node.alts) == 0 {
			if f.required {
				return nil
			}
			if !v.Allows(cue.AnyString) {
				continue // the API server prunes what is not named
			}
		}
		o.fields = append(o.fields, f)
	}
	w.patterns(o, patterns, path)
	w.conditional(o, path, conditions)
	if w.isOpen(v, o) {
		w.openObject(o, path)
	}
	out := &alt{kind: kindObject, object: o}
	for _, c := range w.calls(v, path) {
		if m := meet(out, c); m != nil {
			out = m
		}
	}
	return []*alt{out}
}

// field reads a field. A default is given only for a regular field whose value is then complete whatever the data is; a field
// is required if it is marked so (!) or if it is regular and not complete without data.
func (w *walker) field(sel cue.Selector, v cue.Value, path string, c *conditions) field {
	f := field{name: sel.Unquoted()}
	p := join(path, sel)
	if c != nil && c.self {
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
	return a.kind != kindObject || slices.ContainsFunc(a.object.fields, func(f field) bool { return f.required })
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
	if c.all {
		w.widen(path, "fields that depend on a condition or have a computed name")
		o.open = true
		return
	}
	for _, name := range sortedKeys(c.fields) {
		if o.field(name) == nil {
			p := join(path, cue.Str(name))
			w.widen(p, "depends on a condition")
			o.fields = append(o.fields, field{name: name, node: &node{path: p, alts: []*alt{anything()}}})
		}
	}
}

// isOpen tells that fields of other names may be in v. Values that are reached through pattern constraints look open to CUE's
// API even in a closed definition; only what was written with "..." is.
func (w *walker) isOpen(v cue.Value, o *object) bool {
	if !v.Allows(cue.AnyString) {
		return false
	}
	if w.closed {
		return o.values == nil && v.LookupPath(cue.MakePath(cue.AnyString)).Exists()
	}
	return true
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
