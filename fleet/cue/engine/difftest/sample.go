package difftest

import (
	"encoding/json"
	"io"
	"strings"
)

// A Sample is a definition of the corpus with values and what this package says of them, to be held against a live API server.
type Sample struct {
	Name   string          `json:"name"`
	Schema json.RawMessage `json:"schema"`
	Cases  []Case          `json:"cases"`
}

// A Case is a value with its verdicts. Stored is what the API server makes of it, null if it refuses it.
type Case struct {
	Value  json.RawMessage `json:"value"`
	Stored json.RawMessage `json:"stored"`
	CUE    bool            `json:"cue"` // CUE accepts the value as given
}

// WriteSamples writes a sample of the corpus in a folder as lines of JSON: all definitions that look like modules and one in
// every of the others, with that many cases each.
func WriteSamples(out io.Writer, folder string, every, cases int, seed uint64) error {
	all, err := loadCorpus(folder)
	if err != nil {
		return err
	}
	lines := json.NewEncoder(out)
	for i, d := range all {
		if d.refused != "" || i%every != 0 && !strings.HasPrefix(d.name, "#Module") {
			continue
		}
		s, err := d.sample(cases, seed)
		if err != nil {
			return err
		}
		if err := lines.Encode(s); err != nil {
			return err
		}
	}
	return nil
}

func (d *definition) sample(cases int, seed uint64) (*Sample, error) {
	t, err := d.target()
	if err != nil {
		return nil, err
	}
	g, err := newGenerator(d, t, seed)
	if err != nil {
		return nil, err
	}
	s := &Sample{Name: strings.TrimPrefix(d.name, "#"), Schema: t.json}
	for range cases {
		value, data, err := g.encoded()
		if err != nil {
			return nil, err
		}
		v := t.judge(data)
		if v.cue || v.server {
			g.keep(value)
		}
		c := Case{Value: data, CUE: v.cue}
		if stored, pruned, err := t.server.store(data); err == nil && len(pruned) == 0 {
			c.Stored = stored
		}
		s.Cases = append(s.Cases, c)
	}
	return s, nil
}
