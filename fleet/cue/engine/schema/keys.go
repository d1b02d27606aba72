package schema

import (
	"encoding/json"
	"fmt"
	"strings"
)

// The API server refuses a CRD whose rules it estimates to be too expensive: more than perRule for a rule, more than inAll for all of
// them (k8s.io/apiextensions-apiserver, pkg/apis/apiextensions/validation, StaticEstimatedCostLimit and …CRDCostLimit). The
// estimate of a rule over keys was measured there: keyCost + patternCost for each byte of a pattern, for each key; a map
// without limit counts as unlimitedKeys. The test of the corpus holds these figures against the API server's own.
const (
	perRule       = 10_000_000
	inAll         = 100_000_000
	unlimitedKeys = 700_000
	keyCost       = 4
	patternCost   = 0.2
)

// emitKeys writes the constraint on the keys of a map as a rule in CEL, the only place that structural schemas have for it.
func (w *walker) emitKeys(s map[string]any, o *object, path string, at place) {
	expr, ok := keyExpr(o.keys)
	if !ok {
		w.widen(path, "constraint on field names is checked by CUE only")
		return
	}
	keys := int64(unlimitedKeys)
	if o.max != nil {
		keys = min(keys, *o.max)
	}
	cost := float64(keys) * float64(at.copies) * (keyCost + patternCost*float64(len(expr)))
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

// keyExpr writes alternatives for a key k in CEL.
func keyExpr(alts []*alt) (string, bool) {
	var arms []string
	for _, a := range alts {
		if a.kind != kindString {
			return "", false
		}
		arm := strings.Join(keyConditions(a), " && ")
		if arm == "" {
			return "", false
		}
		arms = append(arms, arm)
	}
	if len(arms) == 1 {
		return arms[0], true
	}
	return "(" + strings.Join(arms, ") || (") + ")", len(arms) > 0
}

func keyConditions(a *alt) []string {
	var cs []string
	if a.enum != nil {
		cs = append(cs, "k in ["+joinRaw(a.enum)+"]")
	}
	if a.notEq != nil {
		cs = append(cs, "!(k in ["+joinRaw(a.notEq)+"])")
	}
	if a.text.min != nil {
		cs = append(cs, fmt.Sprintf("size(k) >= %d", *a.text.min))
	}
	if a.text.max != nil {
		cs = append(cs, fmt.Sprintf("size(k) <= %d", *a.text.max))
	}
	for _, p := range a.text.patterns {
		cs = append(cs, "k.matches("+quote(p)+")")
	}
	for _, p := range a.text.unpatterns {
		cs = append(cs, "!k.matches("+quote(p)+")")
	}
	return cs
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
