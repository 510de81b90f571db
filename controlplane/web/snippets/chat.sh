curl --no-buffer --fail-with-body {{ base }}/chat/completions \
  -H "Authorization: Bearer $SLIPWAY_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "{{ model }}",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 100,
    "stream": true
  }'
