package schema

import "slices"

// A carrier is what the schema around some alternatives lets in already: the structure, which value validations must not repeat
// and cannot widen.
type carrier struct {
	any      bool // nothing is said: no properties and no items either
	nullable bool
	untyped  bool // several kinds: unknown fields of objects are kept
	kinds    []kind
	object   *object
	list     *list
}

func carrierOf(n *node) carrier {
	alts := n.values()
	c := carrier{any: n.anyKind(), nullable: n.nullable(), kinds: kinds(alts)}
	c.untyped = len(c.kinds) > 1 && !isIntOrString(c.kinds)
	if !c.any {
		c.object = mergeObjects(alts, n.path)
		c.list = mergeLists(alts, n.path)
		if c.object != nil {
			c.object.open = c.object.open || c.untyped
		}
	}
	return c
}

// mergeObjects gives the structure that the objects among some alternatives share; nil if there are none.
func mergeObjects(alts []*alt, path string) *object {
	var objects []*object
	for _, a := range alts {
		if a.kind == kindObject {
			objects = append(objects, a.object)
		}
	}
	switch len(objects) {
	case 0:
		return nil
	case 1:
		o := *objects[0]
		if o.values != nil && (o.open || o.keys != nil || len(o.fields) > 0) {
			o.values, o.open = nil, true
		}
		return &o
	}
	merged := &object{}
	if sameMaps(objects) {
		merged.values = objects[0].values
		return merged
	}
	for _, o := range objects {
		merged.open = merged.open || !o.closed()
		for _, f := range o.fields {
			if merged.field(f.name) == nil {
				merged.fields = append(merged.fields, mergeField(objects, f.name))
			}
		}
	}
	return merged
}

// mergeField gives a field that lets in all that some alternatives let in under its name.
func mergeField(objects []*object, name string) field {
	out := field{name: name, node: &node{exact: true}}
	for _, o := range objects {
		f := o.field(name)
		switch {
		case f != nil:
			out.node.path = f.node.path
			out.node.exact = out.node.exact && f.node.exact
			out.node.alts = append(out.node.alts, f.node.alts...)
			if out.node.doc == "" {
				out.node.doc = f.node.doc
			}
		case o.open || o.keys != nil:
			out.node.alts = append(out.node.alts, anything())
		case o.values != nil:
			out.node.alts = append(out.node.alts, o.values.alts...)
		}
	}
	out.node.alts = distinct(out.node.alts)
	whole := fingerprint(out.node)
	out.merged = !slices.ContainsFunc(objects, func(o *object) bool {
		f := o.field(name)
		return f != nil && fingerprint(f.node) == whole
	})
	return out
}

// sameMaps tells that all alternatives are maps of the same values.
func sameMaps(objects []*object) bool {
	for _, o := range objects {
		if o.values == nil || o.open || o.keys != nil || fingerprint(o.values) != fingerprint(objects[0].values) {
			return false
		}
		for _, f := range o.fields {
			if fingerprint(f.node) != fingerprint(o.values) {
				return false
			}
		}
	}
	return true
}

// mergeLists gives the structure that the lists among some alternatives share; nil if there are none.
func mergeLists(alts []*alt, path string) *list {
	var merged *list
	var sources []string
	for _, a := range alts {
		if a.kind != kindArray {
			continue
		}
		l := a.list
		if merged == nil {
			merged = &list{items: &node{path: path + "[]", exact: true}, max: l.max}
		}
		if merged.max != nil && (l.max == nil || *l.max > *merged.max) {
			merged.max = l.max
		}
		switch {
		case l.max != nil && *l.max == 0:
		case l.items == nil:
			merged.items.alts = append(merged.items.alts, anything())
		default:
			merged.items.exact = merged.items.exact && l.items.exact
			merged.items.alts = append(merged.items.alts, l.items.alts...)
			sources = append(sources, fingerprint(l.items))
		}
	}
	if merged == nil {
		return nil
	}
	if merged.items.alts = distinct(merged.items.alts); len(merged.items.alts) == 0 {
		merged.items.alts = []*alt{anything()} // only empty lists
	}
	merged.merged = !slices.Contains(sources, fingerprint(merged.items))
	return merged
}
