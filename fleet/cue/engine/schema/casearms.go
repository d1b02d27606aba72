package schema

import "slices"

// caseArms writes the groups of an object as value validations: for each group, one of its cases holds.
func (w *walker) caseArms(s map[string]any, o *object, c carrier, how strictness) (exact bool) {
	exact = true
	for _, g := range o.groups {
		var arms []map[string]any
		for _, v := range g.cases {
			arm, ok := w.caseArm(v, g, c, how)
			exact = exact && ok
			arms = append(arms, arm)
		}
		require(s, arms)
	}
	return exact
}

func (w *walker) caseArm(v variant, g group, c carrier, how strictness) (s map[string]any, exact bool) {
	s = map[string]any{}
	properties, exact := w.propertiesArm(v.object, c, how)
	for _, x := range v.guards {
		x.write(s, properties, how)
	}
	if how == strict {
		for _, name := range requiredNames(v.object) {
			demand(s, name)
		}
	}
	if len(properties) > 0 {
		s["properties"] = properties
	}
	if !v.object.closed() {
		return s, exact
	}
	forbid(s, slices.DeleteFunc(slices.Clone(g.names), func(name string) bool { return v.object.field(name) != nil }))
	return s, exact
}

// write adds a guard to a case. Where the value is the default, the field may be left out.
func (x guard) write(s, properties map[string]any, how strictness) {
	if x.presence {
		if x.present {
			demand(s, x.path[0])
		} else {
			forbid(s, x.path)
		}
		return
	}
	for i, name := range x.path {
		if !x.initial() && how == strict {
			demand(s, name)
		}
		sub := child(properties, name)
		if i == len(x.path)-1 {
			sub["enum"] = []any{x.value}
			return
		}
		s, properties = sub, child(sub, "properties")
	}
}

// child gives the schema under a name, made if it is not there.
func child(s map[string]any, name string) map[string]any {
	sub, ok := s[name].(map[string]any)
	if !ok {
		sub = map[string]any{}
		s[name] = sub
	}
	return sub
}

// demand makes a field required.
func demand(s map[string]any, name any) {
	required, _ := s["required"].([]any)
	if !slices.Contains(required, name) {
		s["required"] = append(required, name)
	}
}

// require adds alternatives to a schema, beside others that may be there already.
func require(s map[string]any, arms []map[string]any) {
	if slices.ContainsFunc(arms, func(a map[string]any) bool { return len(a) == 0 }) {
		return
	}
	add(s, map[string]any{"anyOf": list2any(arms)})
}
