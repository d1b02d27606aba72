package difftest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// An inventor writes definitions at random, from the forms that modules are made of, so that their combinations are tried too.
type inventor struct {
	*rand.Rand
	definitions []string // helper definitions written so far
}

// invent gives a package with a definition #D.
func invent(r *rand.Rand) string {
	v := &inventor{Rand: r}
	body := v.structure(0, nil)
	return "import (\n\t\"list\"\n\t\"strings\"\n\t\"struct\"\n)\n\n#D: " + body + "\n" + strings.Join(v.definitions, "\n") +
		"\n_use: [list.MaxItems(1), strings.MinRunes(1), struct.MaxFields(1)]\n_table: {a: {n: 1, s: [\"p\"]}, b: {n: 5, s: [\"p\", \"q\"]}}\n"
}

func (v *inventor) pick(of ...string) string { return of[v.IntN(len(of))] }

func (v *inventor) oneIn(n int) bool { return v.IntN(n) == 0 }

// structure writes a struct; flags are the enumerations of structs around it, which conditions may refer to.
func (v *inventor) structure(depth int, flags []string) string {
	var lines []string
	declared := map[string]string{}
	prefix := string(rune('a' + depth))
	for i := range 1 + v.IntN(4-min(depth, 2)) {
		name := fmt.Sprintf("%s%d", prefix, i)
		switch v.IntN(6) {
		case 0:
			flags = append(flags, name)
			lines = append(lines, name+": "+v.pick("bool | *false", "bool | *true", `"a" | "b"`, `*"a" | "b"`, `"a" | *"b" | "c"`))
		default:
			declared[name] = v.value(depth+1, flags)
			lines = append(lines, name+v.pick("", "", "?", "!")+": "+declared[name])
		}
	}
	if len(flags) > 0 && v.oneIn(2) {
		lines = append(lines, v.condition(prefix, depth, flags, declared))
	}
	if v.oneIn(8) {
		lines = append(lines, v.define(v.structure(depth+1, nil)))
	}
	if v.oneIn(8) {
		lines = append(lines, "...")
	}
	indent := strings.Repeat("\t", depth+1)
	return "{\n" + indent + strings.Join(lines, "\n"+indent) + "\n" + strings.Repeat("\t", depth) + "}"
}

// condition writes an if. One that meets a struct which has conditions itself gives a struct: CUE (v0.17) recurses until the stack ends
// where a bound meets a struct that has nothing but a condition ({if on {a: 1}} & >1).
func (v *inventor) condition(prefix string, depth int, flags []string, declared map[string]string) string {
	flag := flags[v.IntN(len(flags))]
	test := v.pick(flag, "!"+flag, flag+` == "a"`, flag+` != "b"`, flag+" != _|_")
	name := fmt.Sprintf("%s%d", prefix, v.IntN(6))
	var value string
	if strings.Contains(declared[name], "if ") {
		value = v.structure(depth+2, nil)
	} else {
		value = v.value(depth+2, nil)
	}
	body := name + v.pick("", "?", "!") + ": " + value
	if v.oneIn(6) {
		body = v.define(v.structure(depth+2, nil))
	}
	return "if " + test + " {" + body + "}"
}

// define puts something into a definition of its own and gives its name.
func (v *inventor) define(value string) string {
	name := fmt.Sprintf("#H%d", len(v.definitions))
	v.definitions = append(v.definitions, name+": "+value)
	return name
}

func (v *inventor) value(depth int, flags []string) string {
	if depth > 3 {
		return v.scalar()
	}
	switch v.IntN(14) {
	case 0, 1:
		return v.structure(depth, flags)
	case 2:
		return "[..." + v.value(depth+1, nil) + "]" + v.pick("", "", " & list.MaxItems(2)", " & list.MinItems(1)")
	case 3:
		return v.pick("{[string]: ", `{[=~"^a"]: `, `{["a0" | "b0"]: `) + v.value(depth+1, nil) + "}" + v.pick("", " & struct.MaxFields(2)")
	case 4:
		return v.union(depth)
	case 5:
		return v.define(v.value(depth+1, nil))
	case 6:
		return v.value(depth+1, flags) + " | null"
	case 7:
		return v.scalar() + " | " + v.value(depth+1, nil)
	case 8:
		if len(flags) > 0 {
			return v.derived(flags[v.IntN(len(flags))])
		}
	case 9:
		return v.define(v.structure(depth, nil)) + " & " + v.pick("{...}", "{b0?: _}", "{c0: 1}", "{b0: string}")
	}
	return v.scalar()
}

func (v *inventor) union(depth int) string {
	var arms []string
	for i := range 2 + v.IntN(2) {
		arm := fmt.Sprintf("{t%s: %q, %s%s: %s}", v.pick("", "!"), string(rune('a'+i)), v.pick("u", "v", "w"), v.pick("", "?", "!"), v.value(depth+2, nil))
		if v.oneIn(6) {
			arm = strings.TrimSuffix(arm, "}") + ", ...}"
		}
		arms = append(arms, arm)
	}
	if v.oneIn(4) {
		arms[0] = "*" + arms[0]
	}
	return strings.Join(arms, " | ")
}

// derived writes a value that depends on a flag.
func (v *inventor) derived(flag string) string {
	return v.pick(`"\(`+flag+`)-x"`, flag, "_table["+flag+"].n", "int & <=_table["+flag+"].n", "or(_table["+flag+"].s)", "*"+flag+" | string")
}

func (v *inventor) scalar() string {
	return v.pick(
		"string", "int", "bool", "number", "int & >0", "int & >=1 & <=3 | *2", `string & !=""`, `=~"^a"`, `"a" | "b"`, `*"a" | "b"`,
		"1 | 2", `"a" | 1`, "number & >0.5", "strings.MinRunes(2)", "string | *\"a\"", "bool | *true", `int | "a"`, "_", `"a"`, "true | int",
		"!=null", "1 | 2.5", `("a" | "b" | "c") & !="b"`,
	)
}
