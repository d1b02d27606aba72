package render

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/errors"

	"pequod.io/fleet/engine/internal/module"
	"pequod.io/fleet/engine/internal/problem"
)

// Values nest deeper than this, and references lead over more steps, only in modules that nobody should write.
const deepest = 100

// missing matches what CUE says of a reference to what is not there, by itself or inside a call or an interpolation.
var missing = regexp.MustCompile("undefined field|cannot reference optional field")

// awaited lists the observed values that an incomplete object needs, such as
// `observed.deployment.status.readyReplicas`. It is empty where nothing that may yet be observed is missing.
func awaited(m *module.Module, object cue.Value, incomplete error) []string {
	found := map[string]bool{}
	references(object, 0, found)
	if len(found) > 0 {
		return slices.Sorted(maps.Keys(found))
	}
	known, unknown := written(m, incomplete)
	if len(known) > 0 {
		return known
	}
	return unknown
}

// lost is what of an incomplete object is missing for good: references that nothing which may yet be observed can satisfy.
func lost(m *module.Module, incomplete error) error {
	var found errors.Error
	for _, err := range errors.Errors(incomplete) {
		if missing.MatchString(err.Error()) && m.Settled(err) {
			found = errors.Append(found, err)
		}
	}
	if found == nil {
		return nil
	}
	return found
}

// mayAppear says whether all that is wrong is missing, and may yet be observed. CUE calls it an error for good where a
// struct is closed, such as one in #Render; still it may have another field once something else has been observed.
func mayAppear(m *module.Module, wrong error) bool {
	if !m.Accepts.Input("observed") {
		return false
	}
	for _, err := range errors.Errors(wrong) {
		if !missing.MatchString(err.Error()) || m.Settled(err) {
			return false
		}
	}
	return true
}

// written reads what is missing in the text that the error points to: the condition of an `if` or the source of a
// `for` cannot be reached from the value that it guards. Apart from the observed values it gives what may be one
// under another name, such as a parameter of a definition. Taking that for an error would keep a good
// module from ever applying the node that it waits for.
func written(m *module.Module, incomplete error) (observed, perhaps []string) {
	known, unknown := map[string]bool{}, map[string]bool{}
	for _, err := range errors.Errors(incomplete) {
		if !missing.MatchString(err.Error()) {
			continue // a type that nobody made a value of, a cycle
		}
		for _, pos := range errors.Positions(err) {
			switch expr := m.ExpressionAt(pos); {
			case isObserved(expr):
				known[strings.TrimPrefix(expr, "input.")] = true
			case !strings.HasPrefix(expr, "input.") && m.Accepts.Input("observed"):
				if expr == "" {
					expr = problem.JoinPath(err.Path())
				}
				unknown[expr] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(known)), slices.Sorted(maps.Keys(unknown))
}

// references collects the observed values that the incomplete leaves of v refer to.
func references(v cue.Value, depth int, found map[string]bool) {
	if depth > deepest || v.Validate(cue.Concrete(true)) == nil {
		return
	}
	inner := false
	if fields, err := v.Fields(); err == nil {
		for fields.Next() {
			inner = true
			references(fields.Value(), depth+1, found)
		}
	}
	if v.IncompleteKind() == cue.ListKind {
		for i := 0; ; i++ {
			element := v.LookupPath(cue.MakePath(cue.Index(i)))
			if !element.Exists() {
				break
			}
			inner = true
			references(element, depth+1, found)
		}
	}
	if !inner {
		operands(v, depth, found)
	}
}

// operands walks the expression of a leaf down to its references.
func operands(v cue.Value, depth int, found map[string]bool) {
	if depth > deepest {
		return
	}
	if root, path := v.ReferencePath(); len(path.Selectors()) > 0 {
		for _, origin := range origins(root, path.Selectors(), depth) {
			if isObserved(origin) && (v.Err() != nil || !v.IsConcrete()) {
				found[strings.TrimPrefix(origin, "input.")] = true
			}
		}
		return
	}
	op, args := v.Expr()
	if op == cue.NoOp {
		return
	}
	for _, arg := range args {
		operands(arg, depth+1, found)
	}
}

// origins follows a path whose beginning is itself a reference, for example to a parameter of a definition that was
// given `input.observed`, back to where its value comes from.
func origins(root cue.Value, path []cue.Selector, depth int) []string {
	text := strings.TrimPrefix(cue.MakePath(path...).String(), "#Render.")
	if isObserved(text) || depth > deepest {
		return []string{text}
	}
	for length := len(path); length > 0; length-- {
		v := root.LookupPath(cue.MakePath(path[:length]...))
		if !v.Exists() {
			continue
		}
		sources := []cue.Value{v}
		if op, args := v.Expr(); op == cue.AndOp {
			sources = args
		}
		var all []string
		for _, source := range sources {
			if next, target := source.ReferencePath(); len(target.Selectors()) > 0 {
				all = append(all, origins(next, slices.Concat(target.Selectors(), path[length:]), depth+1)...)
			}
		}
		if len(all) > 0 {
			return all
		}
	}
	return []string{text}
}

func isObserved(path string) bool {
	return strings.HasPrefix(path, "input.observed.") || strings.HasPrefix(path, "input.observed[")
}
