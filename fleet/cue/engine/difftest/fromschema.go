package difftest

import "slices"

// fromSchema follows a structural schema.
func (g *generator) fromSchema(s map[string]any, depth int) any {
	if depth > maxDepth || g.chance(30) {
		return g.anything()
	}
	if s["nullable"] == true && g.chance(5) {
		return nil
	}
	if e, ok := s["enum"].([]any); ok && !g.chance(8) {
		return pick(g, e)
	}
	switch s["type"] {
	case "object":
		return g.objectFromSchema(s, depth)
	case "array":
		out := []any{}
		for range g.IntN(4) {
			out = append(out, g.fromSchema(asSchema(s["items"]), depth+1))
		}
		return out
	case "integer":
		return g.integer()
	case "number":
		return pick(g, g.material.numbers)
	case "string":
		return pick(g, g.material.texts)
	case "boolean":
		return g.chance(2)
	}
	return g.anything()
}

func (g *generator) objectFromSchema(s map[string]any, depth int) any {
	out := map[string]any{}
	properties := asSchema(s["properties"])
	required, _ := s["required"].([]any)
	for _, name := range sorted(properties) {
		if g.chance(2) && !slices.Contains(required, any(name)) || g.chance(25) {
			continue
		}
		out[name] = g.fromSchema(asSchema(properties[name]), depth+1)
	}
	if values, ok := s["additionalProperties"].(map[string]any); ok {
		for range g.IntN(4) {
			out[pick(g, g.material.names)] = g.fromSchema(values, depth+1)
		}
	} else if s["x-kubernetes-preserve-unknown-fields"] == true && g.chance(3) || g.chance(40) {
		out[pick(g, g.material.names)] = g.anything()
	}
	return out
}

func asSchema(v any) map[string]any {
	s, _ := v.(map[string]any)
	return s
}
