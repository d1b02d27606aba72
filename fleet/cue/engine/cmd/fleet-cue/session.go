package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"pequod.io/fleet/engine/internal/engine"
	"pequod.io/fleet/engine/internal/watchdog"
	"pequod.io/fleet/engine/internal/wire"
)

// session answers the requests of one parent, in order.
type session struct {
	engine   *engine.Engine
	watchdog watchdog.Watchdog
	in       io.Reader
	out      io.Writer
	current  uint64 // the request that the watchdog guards
}

func (s *session) serve() error {
	lines := bufio.NewReaderSize(s.in, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a request: %w", err)
		}
		if err := s.answer(line); err != nil {
			return err
		}
	}
}

func (s *session) answer(line []byte) error {
	var request wire.Request
	if err := json.Unmarshal(line, &request); err != nil {
		return s.write(wire.Reply{Error: &wire.Error{Code: wire.CodeRequest, Message: err.Error()}})
	}
	s.current = request.ID
	release := s.watchdog.Guard(request.Op, watchdog.Limits{
		CPU:  time.Duration(request.LimitMS) * time.Millisecond,
		Wall: time.Duration(request.WallMS) * time.Millisecond,
	})
	reply := s.engine.Answer(&request)
	if !release() {
		select {} // the watchdog is answering and ends the process
	}
	return s.write(reply)
}

// exceeded is called by the watchdog while answer still evaluates, so nothing else is being written.
func (s *session) exceeded(message string) {
	_ = s.write(wire.Reply{
		ID:          s.current,
		Error:       &wire.Error{Code: wire.CodeLimit, Message: message},
		MemoryBytes: watchdog.Held(),
	})
	os.Exit(exitLimit)
}

func (s *session) write(reply wire.Reply) error {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(reply); err != nil {
		return fmt.Errorf("encode a reply: %w", err)
	}
	if _, err := s.out.Write(line.Bytes()); err != nil {
		return fmt.Errorf("write a reply: %w", err)
	}
	return nil
}
