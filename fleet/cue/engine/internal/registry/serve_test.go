package registry_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"pequod.io/fleet/engine/internal/registry"
)

type doubled struct {
	Number int `json:"number"`
}

func double(_ context.Context, asked *doubled) (*doubled, error) {
	switch asked.Number {
	case 0:
		return nil, registry.Fail(registry.CodeMissing, "there is nothing to double")
	case -1:
		return nil, errors.New("the line is dead")
	}
	return &doubled{Number: 2 * asked.Number}, nil
}

func TestAnAnswerOrAFailureIsWritten(t *testing.T) {
	for asked, want := range map[string]string{
		`{"number": 4}`:  `{"number":8}`,
		`{"number": 0}`:  `{"error":{"code":"missing","message":"there is nothing to double"}}`,
		`{"number": -1}`: `{"error":{"code":"unavailable","message":"the line is dead"}}`,
	} {
		var out bytes.Buffer
		if err := registry.Serve(context.Background(), strings.NewReader(asked), &out, double); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(out.String()); got != want {
			t.Errorf("%s: got %s, want %s", asked, got, want)
		}
	}
}

func TestARequestThatIsCutOffHasNoAnswer(t *testing.T) {
	var out bytes.Buffer
	err := registry.Serve(context.Background(), strings.NewReader(`{"number": `), &out, double)
	if err == nil || !strings.Contains(err.Error(), "read the request") || out.Len() != 0 {
		t.Fatalf("got %v and %q", err, out.String())
	}
}
