package schema

import (
	"fmt"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
)

// maxTuple bounds how many positions of a list are read one by one.
const maxTuple = 256

// lists reads a list: fixed positions, then the type of further elements if it is open.
func (w *walker) lists(v cue.Value, path string) []*alt {
	defer w.loosen(v)()
	w.loose.now = w.loose.now || w.loose.lists
	l := &list{}
	elements := elementsOf(v)
	if elements.Exists() {
		l.items = w.node(elements, path+"[]")
	}
	if fixed := w.tuple(v, path); len(fixed) > 0 {
		n := int64(len(fixed))
		l.min = &n
		w.positions(l, fixed, path)
	}
	if !elements.Exists() {
		n := int64(0)
		if l.min != nil {
			n = *l.min
		}
		l.max = &n
	}
	out := &alt{kind: kindArray, list: l}
	return meetAll([]*alt{out}, w.calls(v, path))
}

// elementsOf gives what further elements of a list must be. CUE (v0.17) finds fields of elements that embed a definition "not allowed" if
// the definition around them has conditions; an element that is there has no such error.
func elementsOf(v cue.Value) cue.Value {
	elements := v.LookupPath(cue.MakePath(cue.AnyIndex))
	if !contradictory(elements) || !notAllowed(elements.Err()) {
		return elements
	}
	there := []ast.Expr{ast.NewIdent("_")}
	if it, err := v.List(); err == nil {
		for it.Next() {
			there = append(there, ast.NewIdent("_"))
		}
	}
	longer := v.Unify(v.Context().BuildExpr(ast.NewList(there...)))
	return longer.LookupPath(cue.MakePath(cue.Index(len(there) - 1)))
}

func (w *walker) tuple(v cue.Value, path string) []*node {
	it, err := v.List()
	if err != nil {
		return nil
	}
	var fixed []*node
	for i := 0; it.Next(); i++ {
		if i >= maxTuple {
			w.widen(path, "only the first %d positions are checked", maxTuple)
			break
		}
		fixed = append(fixed, w.node(it.Value(), fmt.Sprintf("%s[%d]", path, i)))
	}
	return fixed
}

// positions merges the fixed positions into the one schema that all elements of a list share.
func (w *walker) positions(l *list, fixed []*node, path string) {
	merged := &node{path: path + "[]", exact: true}
	if l.items != nil {
		*merged = *l.items
	}
	same := true
	for i, p := range fixed {
		if l.items == nil && i == 0 {
			merged.alts, merged.doc = p.alts, p.doc
			continue
		}
		if fingerprint(p) != fingerprint(merged) {
			same = false
		}
		merged.alts = distinct(append(append([]*alt{}, merged.alts...), p.alts...))
	}
	if !same {
		w.widen(path, "items differ by position: one schema holds for all items of a list")
	}
	l.items = merged
}
