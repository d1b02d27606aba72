package schema

import "slices"

// emitObject writes an object that has no alternatives.
func (w *walker) emitObject(s map[string]any, o *object, path string, at place) {
	if o.min != nil && *o.min > 0 {
		s["minProperties"] = *o.min
	}
	if o.max != nil {
		s["maxProperties"] = *o.max
	}
	if required := requiredNames(o); len(required) > 0 {
		s["required"] = required
	}
	if o.values != nil && !o.open && w.emitMap(s, o, path, at) {
		return
	}
	if o.open || o.values != nil {
		s[preserveUnknown] = true
	}
	w.emitProperties(s, o, at)
	w.caseArms(s, o, carrier{kinds: []kind{kindObject}, object: o}, strict)
}

func (w *walker) emitProperties(s map[string]any, o *object, at place) {
	if len(o.fields) == 0 {
		return
	}
	properties := map[string]any{}
	for _, f := range o.fields {
		within := at.single()
		within.merged = f.merged
		within.defaults = at.defaults && !o.grouped(f.name)
		p := w.emit(f.node, within)
		if f.def != nil && at.defaults {
			p["default"] = f.def
		}
		properties[f.name] = p
	}
	s["properties"] = properties
}

// emitMap writes a map. A structural schema has either named properties or one schema for all values, so named fields beside a
// pattern can be had only if they are of the pattern's type.
func (w *walker) emitMap(s map[string]any, o *object, path string, at place) bool {
	for _, f := range o.fields {
		if f.def != nil || o.keys != nil || fingerprint(f.node) != fingerprint(o.values) {
			w.widen(path, "named fields together with [string]: T are checked by CUE only")
			return false
		}
	}
	values := w.emit(o.values, at.within(o.max, false))
	s["additionalProperties"] = values
	if o.keys != nil {
		w.emitKeys(s, o, values, path, at)
	}
	return true
}

func requiredNames(o *object) []any {
	var names []any
	for _, f := range o.fields {
		if f.required {
			names = append(names, f.name)
		}
	}
	return names
}

// emitList writes a list that has no alternatives.
func (w *walker) emitList(s map[string]any, l *list, path string, at place) {
	listLimits(s, l)
	at = at.within(l.max, true)
	if l.items == nil {
		s["items"] = map[string]any{preserveUnknown: true, "nullable": true}
	} else {
		s["items"] = w.emit(l.items, at)
	}
	if !l.unique {
		return
	}
	if l.items != nil && onlyScalars(l.items) {
		s[listType] = "set"
	} else {
		w.widen(path, "list.UniqueItems of structs or lists is checked by CUE only")
	}
}

func listLimits(s map[string]any, l *list) {
	if l.min != nil && *l.min > 0 {
		s["minItems"] = *l.min
	}
	if l.max != nil {
		s["maxItems"] = *l.max
	}
}

// onlyScalars tells that the API server can compare the elements of a set: scalars that are never null.
func onlyScalars(n *node) bool {
	return len(n.alts) > 0 && !slices.ContainsFunc(n.alts, func(a *alt) bool {
		return a.kind == kindAny || a.kind == kindNull || a.kind == kindArray || a.kind == kindObject
	}) && len(kinds(n.alts)) == 1
}
