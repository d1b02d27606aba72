package module

// Meta is what a module says of the kind that it defines.
type Meta struct {
	Kind           string   `json:"kind,omitempty"`
	Plural         string   `json:"plural,omitempty"`
	Categories     []string `json:"categories,omitempty"`
	PrinterColumns []Column `json:"printerColumns,omitempty"`
}

// Column is one column of `kubectl get`.
type Column struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	JSONPath    string `json:"jsonPath"`
	Description string `json:"description,omitempty"`
	Priority    int    `json:"priority,omitempty"`
}

// Describe reads #Meta; it is empty where the module has none.
func (m *Module) Describe() (Meta, error) {
	var meta Meta
	if !m.Meta.Exists() {
		return meta, nil
	}
	err := m.Meta.Decode(&meta)
	return meta, err
}
