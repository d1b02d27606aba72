package module

// mostProven bounds what is remembered; an envelope that depends on the instance would otherwise add up.
const mostProven = 1024

// Proven remembers the envelopes, that is nodes without their objects, which met the contract.
//
// Meeting the contract costs a third of a render, and an envelope is nearly always the same for every
// instance of a module.
type Proven struct {
	envelopes map[string]struct{}
}

// Has says whether the envelope is known to keep the contract.
func (p *Proven) Has(envelope []byte) bool {
	_, ok := p.envelopes[string(envelope)]
	return ok
}

// Add remembers that the envelope keeps the contract.
func (p *Proven) Add(envelope []byte) {
	if p.envelopes == nil || len(p.envelopes) >= mostProven {
		p.envelopes = map[string]struct{}{}
	}
	p.envelopes[string(envelope)] = struct{}{}
}
