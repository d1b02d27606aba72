package schema

import (
	"maps"
	"slices"
)

// emitUnion writes alternatives that are not all scalars of one kind. The schema gets what they have together (properties, items);
// each alternative becomes a value validation beside it, which says what of that it has.
func (w *walker) emitUnion(s map[string]any, n *node, alts []*alt, at place) {
	at.defaults = false
	c := carrierOf(n)
	if c.object != nil {
		w.emitMerged(s, c.object, at)
	}
	if c.list != nil {
		s["items"] = w.emit(c.list.items, at.within(c.list.max, true))
	}
	w.emitAlternatives(s, n, alts, c)
}

// emitMerged writes the structure that alternatives of a struct share.
func (w *walker) emitMerged(s map[string]any, o *object, at place) {
	if o.values != nil {
		s["additionalProperties"] = w.emit(o.values, at.within(o.max, false))
		return
	}
	if o.open {
		s[preserveUnknown] = true
	}
	w.emitProperties(s, o, at)
}

// emitIntOrString writes integers and strings. If each kind has one alternative whose words are looked at for values of that
// kind only, no test of the kind is needed.
func (w *walker) emitIntOrString(s map[string]any, n *node, alts []*alt) {
	flat := map[string]any{}
	for _, k := range []kind{kindInteger, kindString} {
		words, ok := w.flatWords(k, slices.DeleteFunc(slices.Clone(alts), func(a *alt) bool { return a.kind != k }), n.path)
		if !ok {
			w.emitAlternatives(s, n, alts, carrierOf(n))
			return
		}
		maps.Copy(flat, words)
	}
	maps.Copy(s, flat)
}

func (w *walker) flatWords(k kind, alts []*alt, path string) (map[string]any, bool) {
	if enum, ok := enumeration(alts); ok {
		switch {
		case k == kindString:
			return map[string]any{"pattern": oneOfTexts(enum)}, true
		case len(enum) == 1:
			return map[string]any{"minimum": enum[0], "maximum": enum[0]}, true
		}
		return nil, false
	}
	if len(alts) != 1 {
		return nil, false
	}
	words, _ := w.scalar(alts[0], []kind{k}, path)
	for _, general := range []string{"enum", "not", "allOf", "anyOf"} {
		if words[general] != nil {
			return nil, false
		}
	}
	return words, true
}

// emitAlternatives writes the value validations of alternatives. CUE takes one of them: the only one that the data does not
// contradict, or else the default among those.
func (w *walker) emitAlternatives(s map[string]any, n *node, alts []*alt, c carrier) {
	arms, exact := w.armsOf(alts, c, n.path, strict)
	if !w.resolvable(n, alts) {
		inline(s, arms)
		return
	}
	exact = exact && n.exact
	switch preferred := slices.IndexFunc(alts, func(a *alt) bool { return a.preferred }); {
	case preferred >= 0:
		arms = w.unlessPreferred(alts, arms, c, preferred, exact, n.path)
	case !separated(alts) && !exact:
		w.widen(n.path, "data that fits several alternatives is refused by CUE only")
	case !separated(alts):
		survivors, _ := w.armsOf(alts, c, n.path, lax)
		s["oneOf"] = list2any(survivors)
	}
	inline(s, arms)
}

// resolvable tells that it can be said in a schema which alternative CUE takes, and reports it if not.
func (w *walker) resolvable(n *node, alts []*alt) bool {
	if ambiguousLists(alts) {
		w.widen(n.path, "alternatives of lists of structs are told apart by CUE only")
		return false
	}
	if separated(alts) {
		return true
	}
	switch count := countPreferred(alts); {
	case count == 0 && discriminated(alts):
		return true
	case count == 1 && separated(slices.DeleteFunc(slices.Clone(alts), func(a *alt) bool { return a.preferred })):
		return true
	}
	w.widen(n.path, "alternatives without a discriminator: data that fits several of them is refused by CUE only")
	return false
}

func countPreferred(alts []*alt) (n int) {
	for _, a := range alts {
		if a.preferred {
			n++
		}
	}
	return n
}

// unlessPreferred lets the other alternatives hold only for data that contradicts the default one; a default that is always
// complete needs no such care, since data which does not contradict it is accepted anyway.
func (w *walker) unlessPreferred(
	alts []*alt, arms []map[string]any, c carrier, preferred int, exact bool, path string,
) []map[string]any {
	p := alts[preferred]
	if complete(p) {
		return arms
	}
	survivor, ok := w.arm(p, c, path, lax)
	for i, a := range alts {
		if i == preferred || separates(a, p) {
			continue
		}
		if !exact || !ok {
			w.widen(path, "an alternative is taken by CUE only if the data contradicts the default")
			return arms
		}
		arms[i] = map[string]any{"allOf": []any{arms[i], not(survivor)}}
	}
	return arms
}

// complete tells that an alternative needs nothing from the data.
func complete(a *alt) bool {
	switch a.kind {
	case kindObject:
		return !slices.ContainsFunc(a.object.fields, func(f field) bool {
			return f.required || !slices.ContainsFunc(f.node.alts, complete)
		})
	case kindArray:
		return a.list.items == nil || slices.ContainsFunc(a.list.items.alts, complete)
	}
	return true
}
