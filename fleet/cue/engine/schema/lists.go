package schema

import (
	"fmt"

	"cuelang.org/go/cue"
)

// maxTuple bounds how many positions of a list are read one by one.
const maxTuple = 256

// lists reads a list: fixed positions, then the type of further elements if it is open.
func (w *walker) lists(v cue.Value, path string) []*alt {
	calls, validated := w.calls(v, path)
	if validated {
		defer w.loosen()()
	}
	l := &list{}
	elements := v.LookupPath(cue.MakePath(cue.AnyIndex))
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
	return meetAll([]*alt{out}, calls)
}

// loosen remembers that the elements which are read next are not closed by the definition around them: CUE (v0.17) forgets
// that when a list is unified with a validator, such as list.MaxItems. Elements that refer to a definition are closed by that.
func (w *walker) loosen() (restore func()) { return w.setLoose(true) }

// tighten undoes loosen within a struct that is closed on its own account.
func (w *walker) tighten() (restore func()) { return w.setLoose(false) }

func (w *walker) setLoose(loose bool) (restore func()) {
	before := w.loose
	w.loose = loose
	return func() { w.loose = before }
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
