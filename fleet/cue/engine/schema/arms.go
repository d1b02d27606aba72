package schema

import "slices"

// A strictness tells what an alternative is written for: strict, what CUE accepts under it; lax, what it does not contradict, even
// if something required is missing.
type strictness bool

const (
	strict strictness = true
	lax    strictness = false
)

// armsOf writes alternatives as value validations. Plain enumerations are gathered into one.
func (w *walker) armsOf(alts []*alt, c carrier, path string, how strictness) (arms []map[string]any, exact bool) {
	exact = true
	gathered := map[kind]map[string]any{}
	for _, a := range alts {
		s, ok := w.arm(a, c, path, how)
		exact = exact && ok
		if enum, plain := s["enum"].([]any); plain && a.enum != nil && len(s) == 1+len(kindTest(a.kind, c.kinds)) {
			if g := gathered[a.kind]; g != nil {
				g["enum"] = append(g["enum"].([]any), enum...)
				continue
			}
			gathered[a.kind] = s
		}
		arms = append(arms, s)
	}
	return arms, exact
}

// arm writes one alternative as a value validation within what a carrier lets in.
func (w *walker) arm(a *alt, c carrier, path string, how strictness) (s map[string]any, exact bool) {
	switch a.kind {
	case kindAny:
		return map[string]any{}, true
	case kindObject:
		return w.objectArm(a.object, c, path, how)
	case kindArray:
		return w.listArm(a.list, c, path, how)
	}
	return w.scalar(a, c.testKinds(), path)
}

// testKinds gives the kinds among which an alternative must be told apart.
func (c carrier) testKinds() []kind {
	if c.any {
		return []kind{kindAny}
	}
	return c.kinds
}

func (w *walker) objectArm(o *object, c carrier, path string, how strictness) (s map[string]any, exact bool) {
	s, exact = kindTest(kindObject, c.testKinds()), true
	if how == strict {
		if required := requiredNames(o); len(required) > 0 {
			s["required"] = required
		}
	}
	if o.min != nil && *o.min > 0 {
		s["minProperties"] = *o.min
	}
	if o.max != nil {
		s["maxProperties"] = *o.max
	}
	if c.any || o.keys != nil {
		w.widen(path, "fields of this alternative are checked by CUE only")
		return s, false
	}
	properties, exact := w.propertiesArm(o, c, how)
	if len(properties) > 0 {
		s["properties"] = properties
	}
	exact = w.caseArms(s, o, c, how) && exact
	return s, w.otherFields(s, o, c, path, how) && exact
}

// propertiesArm writes the fields of an alternative, as far as they are narrower than those of all alternatives together.
func (w *walker) propertiesArm(o *object, c carrier, how strictness) (properties map[string]any, exact bool) {
	properties, exact = map[string]any{}, true
	for _, f := range o.fields {
		if how == lax && f.required && slices.ContainsFunc(f.node.alts, (*alt).neverEmpty) {
			exact = false // CUE takes a missing field for an empty one, which contradicts list.MinItems at once, but [int, ...int] only later
		}
		shared := c.object.field(f.name)
		if shared == nil || fingerprint(shared.node) == fingerprint(f.node) && how == strict {
			continue
		}
		within := carrierOf(shared.node)
		own, ok := w.nodeArm(f.node, within, how)
		exact = exact && ok
		if len(own) > 0 {
			properties[f.name] = own
		}
	}
	return properties, exact
}

// nodeArm writes a node as a value validation within what a carrier lets in.
func (w *walker) nodeArm(n *node, c carrier, how strictness) (s map[string]any, exact bool) {
	if n.anyKind() {
		return map[string]any{}, true
	}
	s = map[string]any{}
	w.besideVague(n)
	arms, exact := w.armsOf(n.values(), c, n.path, how)
	if len(arms) == 0 {
		arms = []map[string]any{{"not": map[string]any{}}}
	}
	if !separated(n.values()) || ambiguousLists(n.values()) {
		w.widen(n.path, "alternatives within alternatives: data that fits several of them is refused by CUE only")
		exact = false
	}
	inline(s, arms)
	// Of a value validation the API server looks at nothing but a direct enum for null, and that refuses it.
	_, enum := s["enum"]
	switch {
	case enum && n.nullable():
		s = map[string]any{"allOf": []any{s}}
	case !enum && c.nullable && !n.nullable():
		w.widen(n.path, "null, which another alternative allows")
		exact = false
	}
	return s, exact
}

// otherFields keeps out the fields that only other alternatives have.
func (w *walker) otherFields(s map[string]any, o *object, c carrier, path string, how strictness) (exact bool) {
	switch {
	case o.open:
		return true
	case o.values != nil:
		if c.object.values == nil || fingerprint(c.object.values) != fingerprint(o.values) {
			w.widen(path, "values of a map beside other alternatives are checked by CUE only")
			return false
		}
		return true
	}
	var foreign []string
	for _, f := range c.object.fields {
		if o.field(f.name) == nil {
			foreign = append(foreign, f.name)
		}
	}
	forbid(s, foreign)
	if !c.object.open {
		return true
	}
	if how == strict && !slices.ContainsFunc(o.fields, func(f field) bool { return !f.required }) {
		if o.max == nil {
			s["maxProperties"] = len(o.fields) // all are there, so that there is no room for others
		}
		return true
	}
	w.widen(path, "unknown fields are kept, because another alternative is open or of another kind")
	return false
}

// forbid keeps fields out.
func forbid(s map[string]any, names []string) {
	var present []map[string]any
	for _, name := range names {
		present = append(present, map[string]any{"required": []any{name}})
	}
	switch len(present) {
	case 0:
	case 1:
		add(s, not(present[0]))
	default:
		add(s, not(map[string]any{"anyOf": list2any(present)}))
	}
}

func (w *walker) listArm(l *list, c carrier, path string, how strictness) (s map[string]any, exact bool) {
	s, exact = kindTest(kindArray, c.testKinds()), true
	listLimits(s, l)
	if l.unique {
		w.widen(path, "list.UniqueItems beside other alternatives is checked by CUE only")
		exact = false
	}
	if l.items == nil {
		return s, exact
	}
	if c.any {
		w.widen(path, "items of this alternative are checked by CUE only")
		return s, false
	}
	within := carrierOf(c.list.items)
	if c.untyped && within.object != nil {
		within.object.open = true // the API server prunes nothing in a list of an untyped schema
	} else if fingerprint(l.items) == fingerprint(c.list.items) && how == strict {
		return s, exact
	}
	items, ok := w.nodeArm(l.items, within, how)
	if len(items) > 0 {
		s["items"] = items
	}
	return s, exact && ok
}
