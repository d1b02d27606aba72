package schema

import (
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
)

// Whether a struct takes a field of some name is asked of CUE itself, by giving it one. CUE (v0.17) keeps its books on what is closed
// by which definition for a whole value and not for the parts of it that are read here, so that answers which cannot be relied on
// are reported and read as yes.

// isOpen tells that fields of other names may be in v. Values that are reached through pattern constraints look open to CUE's
// API even in a closed definition; only what was written with "..." is.
func (w *walker) isOpen(v cue.Value, own []*ast.StructLit, patterns []pattern, path string) bool {
	switch {
	case w.loose:
		return true
	case !w.closed:
		return v.Allows(cue.AnyString)
	case !slices.ContainsFunc(own, hasEllipsis) && !v.LookupPath(cue.MakePath(cue.AnyString)).Exists():
		return false
	}
	// "..." and a pattern both show up there. They differ for a name that the pattern does not match.
	for _, name := range oddNames {
		if slices.ContainsFunc(patterns, func(p pattern) bool { return p.matches(name) }) {
			continue
		}
		open := !refusesField(v, name) && v.LookupPath(cue.MakePath(cue.Str(name).Optional())).Exists()
		if !open && slices.ContainsFunc(own, hasEllipsis) {
			w.widen(path, "whether a closed definition together with ... takes other fields is left to CUE")
			return true
		}
		return open
	}
	return true
}

func hasEllipsis(l *ast.StructLit) bool {
	return slices.ContainsFunc(l.Elts, func(d ast.Decl) bool { _, ok := d.(*ast.Ellipsis); return ok })
}

// oddNames are names that one pattern or another does not match.
var oddNames = []string{"\u00e9\u3042", "", "a", "x-y", "0", "-", "A B", strings.Repeat("z", 1000)}

// refuses tells that a struct names a field that one of its conjuncts, being closed, does not have (#A & {b?: int}).
func (w *walker) refuses(v cue.Value, own []*ast.StructLit, name, path string) bool {
	op, conjuncts := v.Expr()
	if op != cue.AndOp {
		return false
	}
	refused := refusesField(v, name)
	_, embedding := expression(v.Source()).(*ast.StructLit)
	switch {
	case refused && slices.ContainsFunc(own, func(l *ast.StructLit) bool { return embeds(l) && declares(l, name) }):
		w.widen(path, "whether this field is allowed beside an embedded definition is left to CUE")
		return false
	case !refused && !embedding && incomplete(v) && slices.ContainsFunc(conjuncts, func(c cue.Value) bool { return lacks(c, name) }):
		w.widen(path, "whether this field is allowed in a definition with conditions is left to CUE")
	}
	return refused
}

// lacks tells that a conjunct is closed and does not mention a field.
func lacks(c cue.Value, name string) bool {
	sel := cue.Str(name)
	return closedByReference(c, 0) && !c.LookupPath(cue.MakePath(sel)).Exists() && !c.LookupPath(cue.MakePath(sel.Optional())).Exists()
}

// refusesField asks CUE whether a struct refuses a field of a name.
func refusesField(v cue.Value, name string) bool {
	filled := fill(v, "_", name)
	for _, err := range []error{filled.Validate(), filled.LookupPath(cue.MakePath(cue.Str(name))).Err()} {
		if err != nil && strings.Contains(err.Error(), "not allowed") {
			return true
		}
	}
	return false
}

// fill gives a struct with a value at a path.
func fill(v cue.Value, value string, path ...string) cue.Value {
	selectors := make([]cue.Selector, 0, len(path))
	for _, name := range path {
		selectors = append(selectors, cue.Str(name))
	}
	return v.FillPath(cue.MakePath(selectors...), v.Context().CompileString(value))
}

func embeds(l *ast.StructLit) bool {
	return slices.ContainsFunc(l.Elts, func(d ast.Decl) bool { _, ok := d.(*ast.EmbedDecl); return ok })
}

// declares tells that a field stands directly in a literal.
func declares(l *ast.StructLit, name string) bool {
	return slices.ContainsFunc(l.Elts, func(d ast.Decl) bool {
		f, ok := d.(*ast.Field)
		if !ok {
			return false
		}
		label, _, err := ast.LabelName(f.Label)
		return err == nil && label == name
	})
}

func (p pattern) matches(name string) bool {
	return !contradictory(p.names.Unify(p.names.Context().CompileString(strconv.Quote(name))))
}

// closedByReference tells that a struct is closed on its own account: it refers to a definition or is an argument of close. One that
// embeds a definition is not.
func closedByReference(v cue.Value, depth int) bool {
	if _, literal := expression(v.Source()).(*ast.StructLit); literal || depth > maxReferences {
		return false
	}
	op, args := v.Expr()
	switch {
	case op == cue.AndOp:
		return slices.ContainsFunc(args, func(a cue.Value) bool { return closedByReference(a, depth+1) })
	case op == cue.NoOp && len(args) == 1 && args[0] != v:
		return closedByReference(args[0], depth+1)
	case op == cue.CallOp:
		return calledName(args) == "close"
	}
	_, path := v.ReferencePath()
	return slices.ContainsFunc(path.Selectors(), cue.Selector.IsDefinition)
}
