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
	case w.loose.now:
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
		if slices.ContainsFunc(own, hasEllipsis) && (!open || beside(v, 0, closes)) {
			w.widen(path, "whether a closed definition together with ... takes other fields is left to CUE")
			return true
		}
		return open
	}
	return true
}

// takesOthers tells that fields which are not named may be in v, as far as CUE's API shows.
func (w *walker) takesOthers(v cue.Value) bool { return w.loose.now || v.Allows(cue.AnyString) }

func hasEllipsis(l *ast.StructLit) bool {
	return slices.ContainsFunc(l.Elts, func(d ast.Decl) bool { _, ok := d.(*ast.Ellipsis); return ok })
}

// oddNames are names that one pattern or another does not match.
var oddNames = []string{"\u00e9\u3042", "", "a", "x-y", "0", "-", "A B", strings.Repeat("z", 1000)}

// doubtful tells that one conjunct of a struct, being closed, may keep a field of another one out (#A & {b?: int}). Where CUE says that it
// does, that need not hold within a definition that is embedded beside an open one; where conditions are open, CUE does not say so.
func (w *walker) doubtful(v cue.Value, name, path string) bool {
	lacks := func(d cue.Value) bool { return closes(d) && !mentioned(d, name) }
	if !beside(v, 0, always) || !refusesField(v, name) && !(incomplete(v) && beside(v, 0, lacks)) {
		return false
	}
	w.widen(path, "whether this field is allowed beside a closed definition is left to CUE")
	return true
}

func always(cue.Value) bool { return true }

// beside looks for a conjunct among those that are unified with others, as they are written, following references. Those that are
// embedded in a literal close nothing around them and do not count, but may be conjunctions themselves.
func beside(v cue.Value, depth int, found func(cue.Value) bool) bool {
	if depth > maxReferences {
		return false
	}
	op, args := v.Expr()
	_, literal := expression(v.Source()).(*ast.StructLit)
	switch {
	case op == cue.AndOp:
		return slices.ContainsFunc(args, func(a cue.Value) bool { return !literal && found(a) || beside(a, depth+1, found) })
	case op == cue.SelectorOp || op == cue.IndexOp:
		d, ok := dereference(v)
		return ok && beside(d, depth+1, found)
	case op == cue.NoOp && len(args) == 1 && args[0] != v:
		return beside(args[0], depth+1, found)
	}
	return false
}

// closes tells that a conjunct may keep fields out of the whole.
func closes(c cue.Value) bool {
	return closedByReference(c, 0) && slices.ContainsFunc(literals(c), func(l *ast.StructLit) bool { return !hasEllipsis(l) })
}

// mentioned tells that a field stands in a struct, optional or not.
func mentioned(c cue.Value, name string) bool {
	sel := cue.Str(name)
	return c.LookupPath(cue.MakePath(sel)).Exists() || c.LookupPath(cue.MakePath(sel.Optional())).Exists()
}

// refusesField asks CUE whether a struct refuses a field of a name.
func refusesField(v cue.Value, name string) bool {
	filled := fill(v, "_", name)
	for _, err := range []error{filled.Validate(), filled.LookupPath(cue.MakePath(cue.Str(name))).Err()} {
		if notAllowed(err) {
			return true
		}
	}
	return false
}

// notAllowed tells that an error comes from a struct being closed.
func notAllowed(err error) bool { return err != nil && strings.Contains(err.Error(), "not allowed") }

// fill gives a struct with a value at a path.
func fill(v cue.Value, value string, path ...string) cue.Value {
	selectors := make([]cue.Selector, 0, len(path))
	for _, name := range path {
		selectors = append(selectors, cue.Str(name))
	}
	return v.FillPath(cue.MakePath(selectors...), v.Context().CompileString(value))
}

func (p pattern) matches(name string) bool {
	return !contradictory(p.names.Unify(p.names.Context().CompileString(strconv.Quote(name))))
}

// closedByReference tells that a struct is closed on its own account: it refers to a definition or is an argument of close. One that
// embeds a definition is not.
func closedByReference(v cue.Value, depth int) bool {
	if _, literal := expression(v.Source()).(*ast.StructLit); literal || v.IncompleteKind() == cue.TopKind || depth > maxReferences {
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
