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
		within := at.within(c.list.max, true)
		within.merged = c.list.merged
		s["items"] = w.emit(c.list.items, within)
	}
	w.emitAlternatives(s, n, alts, c, at)
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
func (w *walker) emitIntOrString(s map[string]any, n *node, alts []*alt, at place) {
	flat := map[string]any{}
	for _, k := range []kind{kindInteger, kindString} {
		words, ok := w.flatWords(k, slices.DeleteFunc(slices.Clone(alts), func(a *alt) bool { return a.kind != k }), n.path)
		if !ok {
			w.emitAlternatives(s, n, alts, carrierOf(n), at)
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
func (w *walker) emitAlternatives(s map[string]any, n *node, alts []*alt, c carrier, at place) {
	arms, exact := w.armsOf(alts, c, n.path, strict)
	if at.merged {
		inline(s, arms) // the alternatives around this one say more exactly which ones hold
		return
	}
	if ambiguousLists(alts) {
		w.widen(n.path, "alternatives of lists of structs are told apart by CUE only")
		inline(s, arms)
		return
	}
	exact = exact && n.exact
	preferred := slices.IndexFunc(alts, func(a *alt) bool { return a.preferred })
	if preferred < 0 {
		w.onlyOne(s, alts, arms, c, exact, n.path)
		return
	}
	p, rest := alts[preferred], slices.Delete(slices.Clone(alts), preferred, preferred+1)
	w.orElse(s, p, rest, c, exact, n.path)
}

// onlyOne writes alternatives of which none is the default: data that fits several is refused.
func (w *walker) onlyOne(s map[string]any, alts []*alt, arms []map[string]any, c carrier, exact bool, path string) {
	inline(s, arms)
	switch {
	case separated(alts):
	case !discriminated(alts):
		w.widen(path, "alternatives without a discriminator: data that fits several of them is refused by CUE only")
	case !exact:
		w.widen(path, "data that fits several alternatives is refused by CUE only")
	default:
		survivors, ok := w.armsOf(alts, c, path, lax)
		if !ok { // an alternative that keeps too much in would count as one more
			w.widen(path, "data that fits several alternatives is refused by CUE only")
			return
		}
		s["oneOf"] = list2any(survivors)
	}
}

// orElse writes a default alternative and the rest of them, which hold for data that contradicts the default. If the default is
// complete by itself, data that does not contradict it is accepted anyway and needs no exception.
func (w *walker) orElse(s map[string]any, p *alt, rest []*alt, c carrier, exact bool, path string) {
	first, ok := w.arm(p, c, path, strict)
	if !ok {
		w.widen(path, "whether the default holds or another alternative is left to CUE where the default is not checked exactly")
	}
	restArms, _ := w.armsOf(rest, c, path, strict)
	if countPreferred(rest) > 0 {
		w.widen(path, "several defaults are told apart by CUE only")
		inline(s, append([]map[string]any{first}, restArms...))
		return
	}
	others := map[string]any{}
	w.onlyOne(others, rest, restArms, c, exact, path)
	if !complete(p) && slices.ContainsFunc(rest, func(a *alt) bool { return !separates(a, p) }) {
		survivor, ok := w.arm(p, c, path, lax)
		if exact && ok {
			others = map[string]any{"allOf": []any{others, not(survivor)}}
		} else {
			w.widen(path, "an alternative is taken by CUE only if the data contradicts the default")
		}
	}
	inline(s, []map[string]any{first, others})
}

func countPreferred(alts []*alt) (n int) {
	for _, a := range alts {
		if a.preferred {
			n++
		}
	}
	return n
}

// neverEmpty tells that an alternative is a list or a struct that must have something in it.
func (a *alt) neverEmpty() bool {
	return a.list != nil && a.list.min != nil && *a.list.min > 0 || a.object != nil && a.object.min != nil && *a.object.min > 0
}

// complete tells that an alternative needs nothing from the data.
func complete(a *alt) bool {
	switch a.kind {
	case kindObject:
		return len(a.object.groups) == 0 && !slices.ContainsFunc(a.object.fields, func(f field) bool {
			return f.required || !slices.ContainsFunc(f.node.alts, complete)
		})
	case kindArray:
		return a.list.items == nil || slices.ContainsFunc(a.list.items.alts, complete)
	}
	return true
}
