package module

import "cuelang.org/go/cue"

// Accepts tells which parts of #Render.input a module declares. The others are not sent: a definition is
// closed, so a field that the module's author left out, because nothing needs it, would be an error.
type Accepts struct {
	input, metadata, cluster, observed field
}

type field struct {
	value cue.Value
	any   bool
}

func accepts(input cue.Value) Accepts {
	return Accepts{
		input:    fieldsOf(input),
		metadata: fieldsOf(Declared(input, cue.Str("metadata"))),
		cluster:  fieldsOf(Declared(input, cue.Str("cluster"))),
		observed: fieldsOf(Declared(input, cue.Str("observed"))),
	}
}

// Declared finds a field or an element however it is declared.
func Declared(v cue.Value, selector cue.Selector) cue.Value {
	if selector.Type() == cue.IndexLabel {
		return v.LookupPath(cue.MakePath(cue.AnyIndex))
	}
	for _, form := range []cue.Selector{selector, selector.Optional(), selector.Required()} {
		if found := v.LookupPath(cue.MakePath(form)); found.Exists() {
			return found
		}
	}
	return cue.Value{}
}

func fieldsOf(v cue.Value) field {
	return field{value: v, any: v.Exists() && v.Allows(cue.AnyString)}
}

func (f field) allows(name string) bool {
	return f.any || f.value.Exists() && f.value.Allows(cue.Str(name))
}

// Input says whether #Render.input declares the field.
func (a Accepts) Input(name string) bool { return a.input.allows(name) }

// Metadata says whether #Render.input.metadata declares the field.
func (a Accepts) Metadata(name string) bool { return a.metadata.allows(name) }

// Cluster says whether #Render.input.cluster declares the field.
func (a Accepts) Cluster(name string) bool { return a.cluster.allows(name) }

// Observed says whether #Render.input.observed may hold a node of this id.
func (a Accepts) Observed(id string) bool { return a.observed.allows(id) }
