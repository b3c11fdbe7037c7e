import java.io.Reader;
import java.util.Collections;
import java.util.List;
import javax.script.AbstractScriptEngine;
import javax.script.Bindings;
import javax.script.ScriptContext;
import javax.script.ScriptEngine;
import javax.script.ScriptEngineFactory;
import javax.script.SimpleBindings;

/**
 * Replaces the JavaScript engine, which Java no longer has since version 15. SPICE only uses it to indent its result
 * (`result = JSON.stringify(JSON.parse(jsonString), null, 2)`); this engine returns the result unchanged.
 */
public final class JsonScriptEngine extends AbstractScriptEngine implements ScriptEngineFactory {
  @Override
  public Object eval(String script, ScriptContext context) {
    Object result = context.getAttribute("jsonString");
    context.setAttribute("result", result, ScriptContext.ENGINE_SCOPE);
    return result;
  }

  @Override
  public Object eval(Reader script, ScriptContext context) {
    return eval("", context);
  }

  @Override
  public Bindings createBindings() {
    return new SimpleBindings();
  }

  @Override
  public ScriptEngineFactory getFactory() {
    return this;
  }

  @Override
  public ScriptEngine getScriptEngine() {
    return this;
  }

  @Override
  public List<String> getNames() {
    return Collections.singletonList("JavaScript");
  }

  @Override
  public List<String> getExtensions() {
    return Collections.emptyList();
  }

  @Override
  public List<String> getMimeTypes() {
    return Collections.emptyList();
  }

  @Override
  public String getEngineName() {
    return "aac_tf JSON";
  }

  @Override
  public String getEngineVersion() {
    return "1";
  }

  @Override
  public String getLanguageName() {
    return "JSON";
  }

  @Override
  public String getLanguageVersion() {
    return "1";
  }

  @Override
  public Object getParameter(String key) {
    return null;
  }

  @Override
  public String getMethodCallSyntax(String object, String method, String... arguments) {
    throw new UnsupportedOperationException();
  }

  @Override
  public String getOutputStatement(String text) {
    throw new UnsupportedOperationException();
  }

  @Override
  public String getProgram(String... statements) {
    throw new UnsupportedOperationException();
  }
}
