package render

import (
	"bytes"
	"encoding/json"

	"cuelang.org/go/cue"

	"pequod.io/fleet/engine/internal/problem"
)

// status projects #Render.status as far as it is concrete: a field that still waits is left out.
func (r *rendering) status() (json.RawMessage, error) {
	status := r.filled.LookupPath(statusPath)
	if !status.Exists() {
		return json.RawMessage("null"), nil
	}
	if status.Validate(cue.Concrete(true)) == nil {
		b, err := status.MarshalJSON()
		if err != nil {
			return nil, r.failed(problem.From(err))
		}
		return b, nil
	}
	if err := status.Validate(); err != nil && !mayAppear(r.module, err) {
		return nil, r.failed(problem.From(err))
	}
	b, ok := known(status)
	if !ok {
		return json.RawMessage("{}"), nil
	}
	return b, nil
}

// known is the JSON of v without its incomplete fields; not ok where nothing of v is known. A list is known
// as a whole or not at all, since its indexes mean something.
func known(v cue.Value) (json.RawMessage, bool) {
	if v.Validate(cue.Concrete(true)) == nil {
		b, err := v.MarshalJSON()
		return b, err == nil
	}
	if v.IncompleteKind() != cue.StructKind {
		return nil, false
	}
	fields, err := v.Fields()
	if err != nil {
		return nil, false
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for fields.Next() {
		each, ok := known(fields.Value())
		if !ok {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(fields.Selector().Unquoted())
		if err != nil {
			return nil, false
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(each)
	}
	b.WriteByte('}')
	return b.Bytes(), b.Len() > 2
}
