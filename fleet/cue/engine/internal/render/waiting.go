package render

import (
	"sort"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/errors"

	"pequod.io/fleet/engine/internal/module"
)

// Values nest deeper than this only in modules that nobody should write.
const deepest = 100

// awaited lists the observed values that an incomplete object needs, such as
// `observed.deployment.status.readyReplicas`.
func awaited(m *module.Module, object cue.Value, incomplete error) []string {
	found := map[string]bool{}
	references(object, 0, found)
	if len(found) == 0 {
		// The condition of an `if` or the source of a `for` cannot be reached from the value that it guards:
		// read it in the text that the error points to.
		for _, err := range errors.Errors(incomplete) {
			for _, pos := range errors.Positions(err) {
				if expr := m.ExpressionAt(pos); isObserved(expr) {
					found[strings.TrimPrefix(expr, "input.")] = true
				}
			}
		}
	}
	paths := make([]string, 0, len(found))
	for path := range found {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	return paths
}

// references collects what the incomplete leaves of v refer to.
func references(v cue.Value, depth int, found map[string]bool) {
	if depth > deepest || v.Validate(cue.Concrete(true)) == nil {
		return
	}
	if fields, err := v.Fields(); err == nil {
		some := false
		for fields.Next() {
			some = true
			references(fields.Value(), depth+1, found)
		}
		if some {
			return
		}
	}
	if v.IncompleteKind() == cue.ListKind {
		for i := 0; ; i++ {
			element := v.LookupPath(cue.MakePath(cue.Index(i)))
			if !element.Exists() {
				break
			}
			references(element, depth+1, found)
		}
	}
	operands(v, depth, found)
}

// operands walks the expression of a leaf down to its references.
func operands(v cue.Value, depth int, found map[string]bool) {
	if depth > deepest {
		return
	}
	if _, path := v.ReferencePath(); len(path.Selectors()) > 0 {
		text := strings.TrimPrefix(path.String(), "#Render.")
		if isObserved(text) && !v.IsConcrete() || isObserved(text) && v.Err() != nil {
			found[strings.TrimPrefix(text, "input.")] = true
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

func isObserved(path string) bool {
	return strings.HasPrefix(path, "input.observed.") || strings.HasPrefix(path, "input.observed[")
}
