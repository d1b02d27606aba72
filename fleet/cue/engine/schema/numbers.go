package schema

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
)

// The API server reads a number as int64 if it can and as float64 otherwise, and kube-openapi (validation/validate/values.go)
// converts a limit to the type of the value:
//
//   - a fractional limit is truncated before it is compared with an integer, so that "minimum: 0.5" lets 0 in and an exclusive
//     maximum of 1.5 keeps 1 out;
//   - a limit outside of int64 overflows and refuses every integer;
//   - an enum converts the value to the type of the entry, so that 1.5 is found in [1];
//   - a fractional multipleOf becomes 0 for integers and refuses them all.
//
// What is written here gives CUE's meaning in spite of that.

// mantissa is the precision of the arithmetic here, in bits; CUE's own is about 80.
const mantissa = 512

func parse(b json.RawMessage) *big.Float {
	f, _, err := big.ParseFloat(string(b), 10, mantissa, big.ToNearestEven)
	if err != nil && f == nil {
		return new(big.Float)
	}
	return f
}

func compare(a, b json.RawMessage) int { return parse(a).Cmp(parse(b)) }

func isWhole(b json.RawMessage) bool { return parse(b).IsInt() }

var (
	maxInt64   = new(big.Float).SetInt64(math.MaxInt64)
	minInt64   = new(big.Float).SetInt64(math.MinInt64)
	maxFloat64 = big.NewFloat(math.MaxFloat64)
)

// numberValidations writes the constraints of a number. mixed tells that numbers with a fraction may come here.
func (w *walker) numberValidations(s map[string]any, a *alt, mixed bool, path string) (both []map[string]any) {
	both = w.enumOfNumbers(s, a, mixed, path)
	if b := a.numbers.min; b != nil {
		both = append(both, w.limit(s, b, "minimum", 1, a.kind == kindInteger, path)...)
	}
	if b := a.numbers.max; b != nil {
		both = append(both, w.limit(s, b, "maximum", -1, a.kind == kindInteger, path)...)
	}
	for _, m := range a.numbers.multipleOf {
		both = append(both, w.multiple(s, m, path)...)
	}
	for _, e := range a.notEq {
		if only := w.only(e, path); only != nil {
			both = append(both, not(only))
		}
	}
	return both
}

// enumOfNumbers writes an enumeration. Where a number with a fraction may come, a whole entry is written as its own limits.
func (w *walker) enumOfNumbers(s map[string]any, a *alt, mixed bool, path string) []map[string]any {
	if a.enum == nil {
		return nil
	}
	if !mixed {
		s["enum"] = anys(a.enum)
		return nil
	}
	var arms []map[string]any
	for _, e := range a.enum {
		only := w.only(e, path)
		if only == nil {
			return nil
		}
		arms = append(arms, only)
	}
	if len(arms) == 1 {
		return arms
	}
	return []map[string]any{{"anyOf": list2any(arms)}}
}

// only gives a validation that a single number meets; nil if there is none.
func (w *walker) only(e json.RawMessage, path string) map[string]any {
	f := parse(e)
	if !f.IsInt() {
		return map[string]any{"enum": []any{e}}
	}
	if _, accuracy := f.Float64(); accuracy != big.Exact {
		w.widen(path, "%s is too large to be told from its neighbours", e)
		return nil
	}
	return map[string]any{"minimum": e, "maximum": e}
}

// limit writes a bound; sign is 1 for a lower one and -1 for an upper one. It returns what does not fit into s.
func (w *walker) limit(s map[string]any, b *bound, word string, sign int, integer bool, path string) []map[string]any {
	f := parse(b.value)
	if integer {
		w.integerLimit(s, f, b.exclusive, word, sign, path)
		return nil
	}
	if f.Cmp(maxInt64) >= 0 || f.Cmp(minInt64) <= 0 {
		if outward := f.Sign() == -sign; !outward || new(big.Float).Abs(f).Cmp(maxFloat64) < 0 {
			w.widen(path, "bound %s: the API server compares integers with 64-bit limits only", b.value)
		}
		return nil
	}
	if f.IsInt() {
		if f, ok := w.representable(f, sign, b.value, path); ok {
			s[word] = f
			if b.exclusive {
				s[exclusive(word)] = true
			}
		}
		return nil
	}
	s[word] = b.value
	var refused []map[string]any
	if b.exclusive {
		refused = append(refused, not(map[string]any{"enum": []any{b.value}}))
	}
	if t := truncate(f); t.Cmp(f)*sign < 0 { // the integer that truncation would let in
		refused = append(refused, not(map[string]any{"minimum": whole(t), "maximum": whole(t)}))
	}
	return refused
}

func exclusive(word string) string {
	if word == "minimum" {
		return "exclusiveMinimum"
	}
	return "exclusiveMaximum"
}

// integerLimit writes a bound on integers as an inclusive whole number.
func (w *walker) integerLimit(s map[string]any, f *big.Float, exclusive bool, word string, sign int, path string) {
	t := truncate(f)
	if t.Cmp(f)*sign < 0 || exclusive && t.Cmp(f) == 0 {
		t.Add(t, big.NewFloat(float64(sign)))
	}
	switch {
	case sign > 0 && t.Cmp(minInt64) <= 0, sign < 0 && t.Cmp(maxInt64) >= 0:
		return // every integer of the API server meets it
	case t.Cmp(minInt64) < 0, t.Cmp(maxInt64) > 0:
		s["minimum"], s["maximum"] = 1, 0 // none does
		return
	}
	if limit, ok := w.representable(t, sign, whole(t), path); ok {
		s[word] = limit
	}
}

// representable gives a whole limit as the API server keeps it, in a float64; one that does not fit is moved outwards.
func (w *walker) representable(f *big.Float, sign int, written json.RawMessage, path string) (json.RawMessage, bool) {
	g, accuracy := f.Float64()
	if accuracy == big.Exact && f.Cmp(minInt64) > 0 { // the API server refuses every value if a limit is -2^63
		return whole(f), true
	}
	w.widen(path, "bound %s does not fit a float64, in which the API server keeps it", written)
	if int(accuracy) == sign { // rounded inwards
		g = math.Nextafter(g, math.Inf(-sign))
	}
	out := big.NewFloat(g)
	if out.Cmp(maxInt64) >= 0 || out.Cmp(minInt64) <= 0 {
		return nil, false
	}
	return whole(out), true
}

// multiple writes math.MultipleOf.
func (w *walker) multiple(s map[string]any, m json.RawMessage, path string) []map[string]any {
	f := parse(m)
	if !f.IsInt() || f.Sign() <= 0 || f.Cmp(maxInt64) >= 0 {
		w.widen(path, "multiples of %s: the API server knows multiples of whole numbers only", m)
		return nil
	}
	if _, taken := s["multipleOf"]; taken {
		return []map[string]any{{"multipleOf": whole(f)}}
	}
	s["multipleOf"] = whole(f)
	return nil
}

func truncate(f *big.Float) *big.Float {
	i, _ := f.Int(nil)
	return new(big.Float).SetPrec(mantissa).SetInt(i)
}

func whole(f *big.Float) json.RawMessage {
	i, _ := f.Int(nil)
	return json.RawMessage(i.String())
}

// plainIntegers writes whole numbers without an exponent, as Kubernetes clients read them.
func plainIntegers(b json.RawMessage) json.RawMessage {
	if !bytes.ContainsAny(b, "eE") {
		return b
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return b
	}
	out, err := json.Marshal(plain(v))
	if err != nil {
		return b
	}
	return out
}

func plain(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k := range x {
			x[k] = plain(x[k])
		}
	case []any:
		for i := range x {
			x[i] = plain(x[i])
		}
	case json.Number:
		if f := parse(json.RawMessage(x)); f.IsInt() && f.Cmp(maxInt64) < 0 && f.Cmp(minInt64) > 0 {
			return whole(f)
		}
	}
	return v
}
