package schema

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// The API server refuses a CRD whose rules it estimates to be too expensive: more than perRule for a rule, more than inAll for all of
// them (k8s.io/apiextensions-apiserver, pkg/apis/apiextensions/validation, StaticEstimatedCostLimit and …CRDCostLimit). The
// estimate of a rule over keys was measured there, for each key: keyCost, testCost for each test, and patternCost for each byte of a
// pattern; a map without limit counts as unlimitedKeys. The corpus holds that these figures are on the safe side.
const (
	perRule       = 10_000_000
	inAll         = 100_000_000
	unlimitedKeys = 650_000
	keyCost       = 3
	testCost      = 9
	patternCost   = 0.16
)

// emitKeys writes the constraint on the keys of a map as a rule in CEL, the only place that structural schemas have for it.
func (w *walker) emitKeys(s map[string]any, o *object, values map[string]any, path string, at place) {
	expr, perKey, ok := keyExpr(o.keys)
	if !ok || !declared(values) {
		w.widen(path, "constraint on field names is checked by CUE only")
		return
	}
	if at.untyped {
		w.widen(path, "constraint on field names inside of alternatives of several kinds is checked by CUE only")
		return
	}
	keys := int64(unlimitedKeys)
	if o.max != nil {
		keys = min(keys, *o.max)
	}
	cost := float64(keys) * float64(at.copies) * perKey
	if at.copies == 0 || cost > perRule || w.ruleCost+cost > inAll {
		w.widen(path, "a rule for field names would cost the API server too much here; limit the list or map around it, "+
			"or the map itself with struct.MaxFields")
		return
	}
	w.ruleCost += cost
	s[validations] = []any{map[string]any{
		"rule":    "self.all(k, " + expr + ")",
		"message": "field names must satisfy: " + expr,
	}}
}

// declared tells that CEL has a type for the values of a schema; it has none for a map of values without.
func declared(s map[string]any) bool {
	if s["type"] == nil {
		return s[intOrString] != nil
	}
	for _, within := range []string{"items", "additionalProperties"} {
		if values, ok := s[within].(map[string]any); ok && !declared(values) {
			return false
		}
	}
	return true
}

// keyExpr writes alternatives for a key k in CEL, and gives the cost for one key.
func keyExpr(alts []*alt) (expr string, cost float64, ok bool) {
	var arms []string
	cost = keyCost
	for _, a := range gatherEnums(alts) {
		conditions, c := keyConditions(a)
		if a.kind != kindString || len(conditions) == 0 {
			return "", 0, false
		}
		cost += c
		arms = append(arms, strings.Join(conditions, " && "))
	}
	if len(arms) == 1 {
		return arms[0], cost, true
	}
	return "(" + strings.Join(arms, ") || (") + ")", cost, len(arms) > 0
}

// gatherEnums puts plain enumerations into one.
func gatherEnums(alts []*alt) []*alt {
	var out []*alt
	var gathered *alt
	for _, a := range alts {
		switch _, plain := enumeration([]*alt{a}); {
		case !plain:
			out = append(out, a)
		case gathered == nil:
			gathered = &alt{kind: a.kind, enum: slices.Clone(a.enum)}
			out = append(out, gathered)
		default:
			gathered.enum = append(gathered.enum, a.enum...)
		}
	}
	return out
}

func keyConditions(a *alt) (conditions []string, cost float64) {
	test := func(format string, args ...any) {
		conditions = append(conditions, fmt.Sprintf(format, args...))
		cost += testCost
	}
	if a.enum != nil {
		test("k in [%s]", joinRaw(a.enum))
	}
	if a.notEq != nil {
		test("!(k in [%s])", joinRaw(a.notEq))
	}
	if a.text.min != nil {
		test("size(k) >= %d", *a.text.min)
	}
	if a.text.max != nil {
		test("size(k) <= %d", *a.text.max)
	}
	for _, p := range a.text.patterns {
		conditions = append(conditions, "k.matches("+quote(p)+")")
		cost += patternCost * float64(len(p))
	}
	for _, p := range a.text.unpatterns {
		conditions = append(conditions, "!k.matches("+quote(p)+")")
		cost += patternCost * float64(len(p))
	}
	return conditions, cost
}

func joinRaw(raw []json.RawMessage) string {
	parts := make([]string, 0, len(raw))
	for _, r := range raw {
		var s string
		if err := json.Unmarshal(r, &s); err == nil {
			parts = append(parts, quote(s))
		}
	}
	return strings.Join(parts, ", ")
}

// quote writes a CEL string. JSON's escapes are a subset of CEL's.
func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return strings.TrimSpace(b.String())
}
