package schema

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
)

var update = flag.Bool("update", false, "write what is extracted into testdata")

// TestGolden reads testdata/*.txt, one file per construct. An entry is a comment on what it guards, CUE with a definition #D,
// the expected schema, and the expected issues; entries are separated by a line of =.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, entry := range strings.Split(string(content), "\n====\n") {
				source, want, _ := strings.Cut(entry, "\n----\n")
				name, _, _ := strings.Cut(strings.TrimPrefix(source, "// "), "\n")
				got := extracted(source)
				if !*update && strings.TrimSpace(want) != got {
					t.Errorf("%s\n%s\ngot\n%s\nwant\n%s", name, source, got, want)
				}
				out = append(out, strings.TrimSpace(source)+"\n----\n"+got)
			}
			if *update {
				if err := os.WriteFile(file, []byte(strings.Join(out, "\n====\n")+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// extracted writes a schema and its issues as they stand in testdata.
func extracted(source string) string {
	v := compile(source)
	if err := v.Err(); err != nil && !v.Exists() {
		return "no CUE: " + err.Error()
	}
	r, err := Extract(v)
	if err != nil {
		return "error: " + err.Error()
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(r.Schema); err != nil {
		return err.Error()
	}
	for _, i := range r.Issues {
		fmt.Fprintf(&b, "wider %q: %s\n", i.Path, i.Reason)
	}
	return strings.TrimSpace(b.String())
}

func compile(source string) cue.Value {
	return cuecontext.New().CompileString(source, cue.Filename("d.cue")).LookupPath(cue.ParsePath("#D"))
}
