package schema

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// scalar writes the constraints of a scalar alternative as value validations. all are the kinds that the schema lets in here; if
// there are others than the alternative's own, a test of the kind is added.
func (w *walker) scalar(a *alt, all []kind, path string) (s map[string]any, exact bool) {
	before := w.widened
	s = kindTest(a.kind, all)
	if a.kind == kindInteger && a.enum != nil && slices.Equal(all, []kind{kindNumber}) {
		s = map[string]any{} // its entries are whole numbers
	}
	var both []map[string]any // validations of which not all may fit into one schema object
	switch a.kind {
	case kindString:
		both = textValidations(s, a)
	case kindInteger, kindNumber:
		fractions := slices.Contains(all, kindNumber) || len(all) > 1 && !isIntOrString(all)
		both = w.numberValidations(s, a, fractions, path)
	case kindBoolean:
		both = booleanValidations(s, a)
	}
	for _, v := range both {
		add(s, v)
	}
	return s, before == w.widened
}

// kindTest gives a validation that only values of a kind meet, among some kinds. A structural schema must not say "type" there, but
// each other word looks at values of its own kind only, so the negation of what no string meets is met by strings only.
func kindTest(k kind, all []kind) map[string]any {
	if len(all) == 1 && all[0] == k {
		return map[string]any{}
	}
	impossible := map[string]any{}
	switch k {
	case kindBoolean:
		return map[string]any{"enum": []any{json.RawMessage("true"), json.RawMessage("false")}}
	case kindString:
		impossible["minLength"], impossible["maxLength"] = 1, 0
	case kindInteger, kindNumber:
		if slices.Equal(all, []kind{kindNumber}) { // an integer among numbers
			return map[string]any{"multipleOf": 1}
		}
		impossible["minimum"], impossible["maximum"] = 1, 0
	case kindArray:
		impossible["minItems"], impossible["maxItems"] = 1, 0
	case kindObject:
		impossible["minProperties"], impossible["maxProperties"] = 1, 0
	}
	s := map[string]any{"not": impossible}
	if k == kindInteger && !isIntOrString(all) {
		s["multipleOf"] = 1
	}
	return s
}

// isIntOrString tells that some kinds are what x-kubernetes-int-or-string lets in.
func isIntOrString(ks []kind) bool { return slices.Equal(ks, []kind{kindInteger, kindString}) }

// textValidations writes the constraints of a string.
func textValidations(s map[string]any, a *alt) (both []map[string]any) {
	if a.enum != nil {
		s["enum"] = anys(a.enum)
	}
	if a.text.min != nil && *a.text.min > 0 {
		s["minLength"] = *a.text.min
	}
	if a.text.max != nil {
		s["maxLength"] = *a.text.max
	}
	for i, p := range a.text.patterns {
		if i == 0 {
			s["pattern"] = p
		} else {
			both = append(both, map[string]any{"pattern": p})
		}
	}
	for _, p := range a.text.unpatterns {
		both = append(both, not(map[string]any{"pattern": p}))
	}
	if len(a.notEq) > 0 {
		both = append(both, not(map[string]any{"enum": anys(a.notEq)}))
	}
	return both
}

func booleanValidations(s map[string]any, a *alt) []map[string]any {
	if a.enum != nil {
		s["enum"] = anys(a.enum)
	}
	if len(a.notEq) > 0 {
		return []map[string]any{not(map[string]any{"enum": anys(a.notEq)})}
	}
	return nil
}

func not(s map[string]any) map[string]any { return map[string]any{"not": s} }

// add joins a validation to a schema: directly if no word is taken, else in an allOf.
func add(s, v map[string]any) {
	for word := range v {
		if _, taken := s[word]; taken || word == "allOf" {
			all, _ := s["allOf"].([]any)
			s["allOf"] = append(all, v)
			return
		}
	}
	maps.Copy(s, v)
}

func anys(raw []json.RawMessage) []any {
	out := make([]any, 0, len(raw))
	for _, r := range raw {
		out = append(out, r)
	}
	return out
}

// oneOfTexts gives a pattern that exactly some strings match.
func oneOfTexts(enum []any) string {
	quoted := make([]string, 0, len(enum))
	for _, e := range enum {
		var s string
		if err := json.Unmarshal(e.(json.RawMessage), &s); err == nil {
			quoted = append(quoted, regexp.QuoteMeta(s))
		}
	}
	return "^(?:" + strings.Join(quoted, "|") + ")$"
}
