package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
)

// Failure is written in the place of an answer where nothing came of the request.
type Failure struct {
	Error *Error `json:"error,omitempty"`
}

// Serve answers the one request on in: with what carryOut makes of it, or with a Failure. Its own error is that of
// a request or an answer that did not get through.
func Serve[Request, Answer any](
	ctx context.Context, in io.Reader, out io.Writer, carryOut func(context.Context, *Request) (*Answer, error),
) error {
	var request Request
	if err := json.NewDecoder(in).Decode(&request); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	answer, err := carryOut(ctx, &request)
	var message any = answer
	if err != nil {
		message = Failure{Error: Explained(err)}
	}
	if err := json.NewEncoder(out).Encode(message); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}
