package schema

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
)

// structs reads a struct. It has no alternative if one of its required fields can have no value.
func (w *walker) structs(v cue.Value, path string) []*alt {
	o := &object{}
	it, err := v.Fields(cue.Optional(true), cue.Patterns(true))
	if err != nil || w.undecided(v) {
		w.widen(path, "fields are not known before the module is given data")
		return []*alt{{kind: kindObject, object: &object{open: true}}}
	}
	if w.loose && closedByReference(v, 0) {
		defer w.tighten()()
	}
	own, whole := w.literalsOf(v)
	conditions := w.outer.and(w.scope.conditions(own))
	var regular []cue.Selector
	var values []cue.Value
	var patterns []pattern
	for it.Next() {
		if sel := it.Selector(); sel.ConstraintType() == cue.PatternConstraint {
			patterns = append(patterns, pattern{names: sel.Pattern(), values: it.Value()})
		} else {
			regular, values = append(regular, sel), append(values, it.Value())
		}
	}
	if len(patterns) == 0 && whole {
		o.groups = w.groups(v, own, path)
	}
	for i, sel := range regular {
		if o.grouped(sel.Unquoted()) {
			continue
		}
		f := w.field(sel, values[i], path, conditions.of(sel.Unquoted()))
		if refuses(v, sel.Unquoted()) {
			f.node.alts = nil
		}
		if len(f.node.alts) == 0 {
			if f.required || f.def != nil {
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
	if w.isOpen(v, patterns) {
		w.openObject(o, path)
	}
	w.addGroups(o, path)
	calls, _ := w.calls(v, path)
	return meetAll([]*alt{{kind: kindObject, object: o}}, calls)
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

// isOpen tells that fields of other names may be in v. Values that are reached through pattern constraints look open to CUE's
// API even in a closed definition; only what was written with "..." is.
func (w *walker) isOpen(v cue.Value, patterns []pattern) bool {
	switch {
	case w.loose:
		return true
	case !w.closed:
		return v.Allows(cue.AnyString)
	case !v.LookupPath(cue.MakePath(cue.AnyString)).Exists():
		return false
	case len(patterns) == 0:
		return accepts(v, "\u00e9\u3042") // not if another conjunct is closed: #A & {...}
	}
	// "..." and a pattern both show up there. They differ for a name that the pattern does not match.
	for _, name := range oddNames {
		if !slices.ContainsFunc(patterns, func(p pattern) bool { return p.matches(name) }) {
			return v.LookupPath(cue.MakePath(cue.Str(name).Optional())).Exists() && accepts(v, name)
		}
	}
	return true
}

// oddNames are names that one pattern or another does not match.
var oddNames = []string{"", "a", "x-y", "0", "-", "A B", "\u00e9\u3042", strings.Repeat("z", 1000)}

// refuses tells that a struct names a field that one of its conjuncts, being closed, does not have (#A & {b?: int}).
func refuses(v cue.Value, name string) bool {
	if op, _ := v.Expr(); op != cue.AndOp {
		return false
	}
	err := v.FillPath(cue.MakePath(cue.Str(name)), v.Context().CompileString("_")).Validate()
	return err != nil && strings.Contains(err.Error(), "not allowed")
}

// accepts tells that a struct takes a field of a name.
func accepts(v cue.Value, name string) bool {
	return v.FillPath(cue.MakePath(cue.Str(name)), v.Context().CompileString("true")).Validate() == nil
}

func (p pattern) matches(name string) bool {
	return !contradictory(p.names.Unify(p.names.Context().CompileString(strconv.Quote(name))))
}

// closedByReference tells that a struct is closed on its own account: it refers to a definition or is an argument of close.
func closedByReference(v cue.Value, depth int) bool {
	if depth > maxReferences {
		return false
	}
	op, args := v.Expr()
	switch op {
	case cue.AndOp:
		return slices.ContainsFunc(args, func(a cue.Value) bool { return closedByReference(a, depth+1) })
	case cue.CallOp:
		return calledName(args) == "close"
	}
	_, path := v.ReferencePath()
	return slices.ContainsFunc(path.Selectors(), cue.Selector.IsDefinition)
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
